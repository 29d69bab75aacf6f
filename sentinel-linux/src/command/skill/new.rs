//! `sentinel skill new`: a skill that works, to begin with.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use sentinel_core::skill::Manifest;

use super::super::Arguments;
use super::super::shown::plain;
use crate::print::println;
use crate::skills::folder::MANIFEST;

pub(super) fn new(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let word = arguments.operand(0, "the directory to be made")?;
    let place = Path::new(&word);
    let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let language = arguments.text("lang")?;
    let language = language.as_deref().unwrap_or("python");
    let Some((_, files)) = LANGUAGES.iter().find(|(known, _)| *known == language) else {
        return Err(format!("--lang {}: it is rust, python or sh", plain(language)).into());
    };
    let abi = match (arguments.path("abi"), language) {
        (None, "rust") => {
            let why = "the crate sentinel-skill-abi is in no registry yet: --abi says where it \
                       lies, such as --abi ../sentinel/sentinel-skill-abi";
            return Err(why.into());
        }
        (Some(_), language) if language != "rust" => {
            return Err("--abi is for Rust alone".into());
        }
        (Some(path), _) => {
            let path =
                path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
            path.into_os_string().into_string().map_err(|_| "the path of --abi is no text")?
        }
        (None, _) => String::new(),
    };
    // A path is written between quotation marks, which is where it must stay.
    if abi.contains(['"', '\\']) || abi.contains(char::is_control) {
        return Err("the path of --abi cannot be written into a Cargo.toml".into());
    }
    let filled = |text: &str| text.replace("SKILL_NAME", name).replace("SKILL_ABI", &abi);
    // The name is checked where every name is.
    let (_, _, manifest) =
        files.iter().find(|(path, ..)| path.ends_with(MANIFEST)).unwrap_or(&files[0]);
    if let Some(wrong) = Manifest::read(MANIFEST, &filled(manifest)).diagnostics.first() {
        return Err(format!("'{}' cannot be the name of a skill: {wrong}", plain(name)).into());
    }
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let next = "; name a directory that is not there, in one that is";
    fs::create_dir(place).map_err(|error| failed(place, error) + next)?;
    for (path, mode, text) in *files {
        let path = place.join(path);
        let parent = path.parent().unwrap_or(place);
        fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(*mode).open(&path);
        let written = file.and_then(|mut file| file.write_all(filled(text).as_bytes()));
        written.map_err(|error| failed(&path, error))?;
        println!("{}", path.display());
    }
    match language {
        "rust" => println!(
            "\nTo build and to check it:\n  cd {word} && cargo build --release && \
             install target/release/{name} skill/\n  sentinel skill check {word}/skill\n\n\
             As a WASM module, with entry = \"{name}.wasm\" and runtime = \"wasm\":\n  \
             rustup target add wasm32-unknown-unknown\n  \
             cargo build --release --target wasm32-unknown-unknown"
        ),
        _ => println!("\nTo check it:\n  sentinel skill check {word}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// A file: its path, who may do what with it, and its text.
type File = (&'static str, u32, &'static str);

const LANGUAGES: [(&str, &[File]); 3] = [
    (
        "python",
        &[
            (MANIFEST, 0o644, include_str!("skeleton/python/skill.toml")),
            ("run.py", 0o755, include_str!("skeleton/python/run.py")),
        ],
    ),
    (
        "sh",
        &[
            (MANIFEST, 0o644, include_str!("skeleton/sh/skill.toml")),
            ("run.sh", 0o755, include_str!("skeleton/sh/run.sh")),
        ],
    ),
    (
        "rust",
        &[
            ("skill/skill.toml", 0o644, include_str!("skeleton/rust/skill.toml")),
            ("Cargo.toml", 0o644, include_str!("skeleton/rust/manifest.toml")),
            ("src/main.rs", 0o644, include_str!("skeleton/rust/source.rs")),
        ],
    ),
];
