#![no_main]
stickdemo_fuzz::target!(json_header);
