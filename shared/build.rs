//! Without this an incremental build would miss a new migration: `sqlx::migrate!` cannot watch a folder by itself.
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
