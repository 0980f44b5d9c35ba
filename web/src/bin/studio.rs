//! The page's second program: the panel with the tutorial and the views. It is loaded when first
//! used, so a first visit does not pay for it.

fn main() {
    redstart_web::studio::start();
}
