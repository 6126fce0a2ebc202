#![no_main]
stickdemo_fuzz::target!(sessions);
