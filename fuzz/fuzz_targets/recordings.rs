#![no_main]
stickdemo_fuzz::target!(recordings);
