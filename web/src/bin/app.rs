//! The page's program.

fn main() {
    redstart_web::page::start();
}
