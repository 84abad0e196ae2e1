//! Config files: every profile that is named is there, every setting on a line of
//! the file, and an error too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::cli::ConfigFile;

fuzz_target!(|text: &str| {
    let lines = 1 + text.matches('\n').count();
    match ConfigFile::parse(text) {
        Err(error) => assert!((1..=lines).contains(&error.line), "{error}"),
        Ok(file) => {
            for setting in file.settings() {
                assert!((1..=lines).contains(&setting.line), "{}", setting.key);
            }
            for name in file.names() {
                let settings = file.profile(name).expect("it is named");
                let mut keys: Vec<&str> = settings.iter().map(|it| it.key.as_str()).collect();
                keys.sort_unstable();
                keys.dedup();
                assert_eq!(keys.len(), settings.len(), "a setting is there twice");
            }
        }
    }
});
