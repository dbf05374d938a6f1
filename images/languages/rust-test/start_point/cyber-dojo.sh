export CARGO_TARGET_DIR=/tmp/target
cargo test --offline --quiet
