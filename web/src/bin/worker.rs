//! The worker's program.

fn main() {
    redstart_web::worker::start();
}
