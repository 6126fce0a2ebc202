//! Moves a file's bytes between disk and connection, once, and hashes them on the way. Memory is bounded by a few
//! buffers however large the file is.
