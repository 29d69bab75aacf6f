//! Takes an agent's log out of a disk's image, says what the verifier says of it and of the
//! kernel's record, and whether the two agree.
//!
//! ```text
//! appliance [--keys] [--same EXPORT] [--refused COUNT] [--untouched FOLDER] IMAGE [DIRECTORY]
//! ```
//!
//! They agree if every call of a tool that the agent says was finished stands in the kernel's
//! record, and no other does, and if the agent's log is what the kernel's record says was written.
//! With `--refused COUNT` it is also looked whether the agent refused so many calls, made none and
//! asked for no handle but such that only look; with `--untouched FOLDER` whether the workspace is
//! what is in that folder. The image is only read. What comes into DIRECTORY is as
//! `sentinel audit verify DIRECTORY` reads it; `--keys` takes the keys along, which open it. With
//! `--same` it is also looked whether the agent decided the same as another one did, whose log
//! `sentinel audit export --open` has written down.

mod decisions;
mod noted;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use decisions::Decisions;
use luperiq_runtime::abi::Error as KernelError;
use luperiq_runtime::call::Result as Kernel;
use luperiq_runtime::files::Name;
use luperiq_store::{Disk, Failed, SECTOR_BYTES, Store};
use luperiq_userland::folder::Folder;
use luperiq_userland::{kept, log};
use noted::Noted;
use sentinel_core::agent::Kind;
use sentinel_core::journal::export::Keys;
use sentinel_core::journal::{KeyRing, MasterKey, Payload, Reader, Trust, Verdict, Verifier};
use sentinel_core::text::json;

fn main() -> ExitCode {
    let mut arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let takes_keys = arguments.iter().any(|argument| argument.as_os_str() == "--keys");
    arguments.retain(|argument| argument.as_os_str() != "--keys");
    let mut is_whole = true;
    let mut option = |name: &str| {
        let place = arguments.iter().position(|argument| argument.as_os_str() == name)?;
        let value = (place + 1 < arguments.len()).then(|| arguments.remove(place + 1));
        arguments.remove(place);
        is_whole &= value.is_some();
        value
    };
    let (same, refused) = (option("--same"), option("--refused"));
    let untouched = option("--untouched");
    let refused = refused.map(|count| count.to_str().and_then(|it| it.parse().ok()));
    is_whole &= refused != Some(None);
    let (image, out) = match arguments.as_slice() {
        [image] if is_whole => (image, None),
        [image, out] if is_whole => (image, Some(out.as_path())),
        _ => {
            eprintln!(
                "appliance [--keys] [--same EXPORT] [--refused COUNT] [--untouched FOLDER] IMAGE \
                 [DIRECTORY]"
            );
            return ExitCode::from(2);
        }
    };
    let wanted = Wanted {
        same: same.as_deref(),
        refused: refused.flatten(),
        untouched: untouched.as_deref(),
    };
    match look(image, out, takes_keys, &wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(what) => {
            eprintln!("{}: {what}", image.display());
            ExitCode::FAILURE
        }
    }
}

/// What is looked for besides.
struct Wanted<'w> {
    same: Option<&'w Path>,
    refused: Option<usize>,
    untouched: Option<&'w Path>,
}

fn look(
    image: &Path,
    out: Option<&Path>,
    takes_keys: bool,
    wanted: &Wanted<'_>,
) -> Result<bool, Box<dyn Error>> {
    let mut store = Store::mount(Image(File::open(image)?)).map_err(|error| error.to_string())?;
    let record = record(&mut store)?;
    let mut state = Place { store: Rc::new(store.into()), name: "state" };
    let files = log::read(&mut state).map_err(|error| format!("the agent's log: {error}"))?;
    let is_good = [
        verify("the kernel's record", std::slice::from_ref(&record)),
        verify("the agent's log", &files),
        agree(&record, &files, &state, wanted.refused)?,
        wanted.same.map_or(Ok(true), |same| compare(&files, &state, same))?,
        wanted.untouched.map_or(Ok(true), |folder| is_untouched(&state, folder))?,
    ];
    if let Some(out) = out {
        take_out(out, &files, &state, takes_keys)?;
    }
    Ok(is_good.into_iter().all(|is_good| is_good))
}

/// The kernel's record, whole.
fn record(store: &mut Store<Image>) -> Result<Vec<u8>, String> {
    let (mut record, mut part) = (Vec::new(), vec![0; 1 << 20]);
    loop {
        let count = store.log_read(record.len() as u64, &mut part);
        let count = count.map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(record);
        }
        record.extend_from_slice(&part[..count]);
    }
}

fn verify(what: &str, files: &[Vec<u8>]) -> bool {
    let mut verifier = Verifier::new(Trust::default());
    for (index, file) in files.iter().enumerate() {
        if index > 0 {
            verifier.next_file();
        }
        verifier.push(file);
    }
    let report = verifier.finish();
    println!("{what}: {} records: {}", report.records_count, report.verdict);
    !matches!(report.verdict, Verdict::Bad { .. })
}

/// Whether the calls in the agent's log are those in the kernel's record.
fn agree(
    record: &[u8],
    files: &[Vec<u8>],
    state: &Place,
    refused: Option<usize>,
) -> Result<bool, Box<dyn Error>> {
    let (ring, master) = keys(state)?;
    let keys = Keys { ring: &ring, master: &master };
    let (mut started, mut finished, mut denied_count) = (BTreeMap::new(), BTreeSet::new(), 0);
    let mut claimed: BTreeMap<String, usize> = BTreeMap::new();
    read(files, keys, |kind, payload| match Kind::from_number(kind) {
        Some(Kind::CallStarted) => {
            let tool = payload.find("tool").and_then(|tool| tool.as_str().ok());
            if let (Some(call), Some(tool)) = (number(payload, "call"), tool) {
                // One that was interrupted may be made again, and then says so.
                *claimed.entry(format!("call {call} {tool}")).or_default() += 1;
                started.insert(call, tool.to_string());
            }
        }
        Some(Kind::CallDecided) => {
            let answer = payload.find("answer").and_then(|answer| answer.as_str().ok());
            denied_count += usize::from(answer == Some("deny"));
        }
        Some(Kind::ToolFinished) => finished.extend(number(payload, "call")),
        _ => {}
    });
    let (mut noted, mut writes) = (BTreeMap::<String, usize>::new(), Noted::default());
    let (mut requests, mut starts) = (Vec::new(), Vec::new());
    read(&[record.to_vec()], keys, |kind, payload| {
        if kind == CAPABILITY_REQUEST {
            let text = payload.find("text").and_then(|text| text.as_str().ok());
            requests.push(text.unwrap_or_default().to_string());
        }
        if kind == PROCESS_MADE {
            starts.push((number(payload, "by"), number(payload, "process")));
        }
        let text = payload.find("text").filter(|_| kind == PROCESS_NOTE);
        let text = text.and_then(|text| text.as_str().ok()).map(ToString::to_string);
        text.iter().for_each(|text| writes.take(text));
        if let Some(call) = text.filter(|text| text.starts_with("call ")) {
            *noted.entry(call).or_default() += 1;
        }
    });
    let note = |call: &u64| started.get(call).map(|tool| format!("call {call} {tool}"));
    let done: BTreeSet<String> = finished.iter().filter_map(note).collect();
    let missing: Vec<_> = done.iter().filter(|call| !noted.contains_key(*call)).collect();
    let is_surplus =
        |(call, count): &(&String, &usize)| **count > claimed.get(*call).map_or(0, |it| *it);
    let unclaimed: Vec<_> = noted.iter().filter(is_surplus).map(|(call, _)| call).collect();
    println!(
        "calls of tools: {} in the agent's log, {} in the kernel's record",
        done.len(),
        noted.len()
    );
    for (what, calls) in [
        ("finished, and not in the kernel's record", &missing),
        ("in the kernel's record more often than in the agent's log", &unclaimed),
    ] {
        for call in calls {
            println!("  {call}: {what}");
        }
    }
    let is_harmless = refused.is_none_or(|count| {
        println!("calls that were refused: {denied_count}, and {} were made", started.len());
        // At the start it is tried whether a program that is granted is there.
        let is_other = |text: &&String| !LOOKS.iter().any(|start| text.starts_with(start));
        let others: Vec<_> = requests.iter().filter(is_other).collect();
        println!("handles that were asked for, but to look: {others:?}");
        // The kernel made init, and init the programs of the manifest.
        let first = starts.iter().find(|(by, _)| *by == Some(0)).and_then(|(_, process)| *process);
        let is_ours = |by: Option<u64>| by == Some(0) || by == first;
        let commands_count = starts.iter().filter(|(by, _)| !is_ours(*by)).count();
        println!("programs that others than init started: {commands_count}");
        denied_count == count && started.is_empty() && others.is_empty() && commands_count == 0
    });
    let are_agreed = missing.is_empty() && unclaimed.is_empty();
    Ok(writes.are(files) && are_agreed && is_harmless)
}

/// Whether the agent decided what another one did.
fn compare(files: &[Vec<u8>], state: &Place, other: &Path) -> Result<bool, Box<dyn Error>> {
    let (ring, master) = keys(state)?;
    let mut decisions = Decisions::default();
    read(files, Keys { ring: &ring, master: &master }, |kind, payload| {
        decisions.take(kind, payload);
    });
    Ok(decisions.are_same(&Decisions::exported(other)?))
}

/// Whether the workspace is what is in a folder of this machine, file by file.
fn is_untouched(state: &Place, folder: &Path) -> Result<bool, Box<dyn Error>> {
    let workspace = Place { store: state.store.clone(), name: "workspace" };
    let names = workspace.names("", usize::MAX).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    for Name { name, .. } in names {
        // A directory has no content, and there is none in the folder.
        let content = workspace.read(&name, u64::MAX).ok();
        found.insert(name, content);
    }
    let mut expected = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        expected.insert(name, Some(fs::read(entry.path())?));
    }
    let is_same = found == expected;
    let word = if is_same { "as it was" } else { "changed" };
    println!("the workspace: {word}, {} files", found.len());
    Ok(is_same)
}

/// What opens the agent's log.
fn keys(state: &Place) -> Result<(KeyRing, MasterKey), Box<dyn Error>> {
    let find = |name| kept::find(state, name).map_err(|error| format!("{name}: {error}"));
    let ring = match find("keys")? {
        Some(bytes) => KeyRing::from_bytes(&bytes).map_err(|_| "keys: no key ring")?,
        None => KeyRing::new(),
    };
    let master = find("journal.key")?.ok_or("journal.key is not there")?;
    Ok((ring, MasterKey::new(master.as_slice().try_into()?)))
}

/// Tells every record whose payload is JSON that can be opened.
fn read(files: &[Vec<u8>], keys: Keys<'_>, mut tell: impl FnMut(u16, json::Value<'_>)) {
    let mut reader = Reader::new(keys);
    for file in files {
        let Some(mut records) = reader.start(file) else { continue };
        while let Some((record, payload)) = reader.next(&mut records) {
            let Payload::Open(payload) = payload else { continue };
            if let Ok(document) = json::parse(&payload) {
                tell(record.kind, document.root());
            }
        }
    }
}

fn number(payload: json::Value<'_>, name: &str) -> Option<u64> {
    payload.find(name)?.as_u64().ok()
}

fn take_out(
    out: &Path,
    files: &[Vec<u8>],
    state: &Place,
    takes_keys: bool,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(out.join("journal"))?;
    for (index, file) in files.iter().enumerate() {
        fs::write(out.join(log::name(index as u64)), file)?;
    }
    let keys: &[&str] = if takes_keys { &["keys", "journal.key"] } else { &[] };
    for name in ["checkpoint"].iter().chain(keys) {
        if let Some(bytes) = kept::find(state, name).map_err(|error| error.to_string())? {
            fs::write(out.join(name), &*bytes)?;
        }
    }
    Ok(())
}

/// A directory of a disk that is not written. A cut that was not finished is left to the agent.
struct Place {
    store: Rc<RefCell<Store<Image>>>,
    name: &'static str,
}

impl Folder for Place {
    fn bytes_count(&self, path: &str) -> Kernel<u64> {
        self.read(path, u64::MAX).map(|content| content.len() as u64)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Kernel<Vec<u8>> {
        let mut store = self.store.borrow_mut();
        let path = format!("{}/{path}", self.name);
        let id = store.open(path.as_bytes(), false, 0).map_err(|_| KernelError::NotFound)?;
        let stat = store.stat(id).map_err(|_| KernelError::NotFound)?;
        if stat.bytes > bytes_max {
            return Err(KernelError::TooLong);
        }
        let mut content = vec![0; usize::try_from(stat.bytes).map_err(|_| KernelError::TooLong)?];
        let count = store.read(id, 0, &mut content).map_err(|_| KernelError::Device)?;
        content.truncate(count);
        store.close(id);
        Ok(content)
    }

    fn names(&self, path: &str, count_max: usize) -> Kernel<Vec<Name>> {
        let store = self.store.borrow();
        let directory = match path {
            "" => self.name.to_string(),
            path => format!("{}/{path}", self.name),
        };
        let names = store.names(directory.as_bytes());
        let names: BTreeMap<String, bool> = names
            .map(|(name, is_directory)| (String::from_utf8_lossy(name).into_owned(), is_directory))
            .collect();
        let names = names.into_iter().map(|(name, is_directory)| Name { name, is_directory });
        Ok(names.take(count_max).collect())
    }

    fn empty(&mut self, _: &str) -> Kernel<()> {
        Err(KernelError::NotAllowed)
    }

    fn write(&mut self, _: &str, _: u64, _: &[u8]) -> Kernel<()> {
        Err(KernelError::NotAllowed)
    }

    fn sync(&mut self, _: &str) -> Kernel<()> {
        Err(KernelError::NotAllowed)
    }

    fn remove(&mut self, _: &str) -> Kernel<()> {
        Err(KernelError::NotAllowed)
    }
}

/// A disk's image, which is not written.
struct Image(File);

impl Disk for Image {
    fn sectors(&self) -> u64 {
        self.0.metadata().map_or(0, |data| data.len()) / SECTOR_BYTES as u64
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        let at = SeekFrom::Start(sector * SECTOR_BYTES as u64);
        self.0.seek(at).and_then(|_| self.0.read_exact(out)).map_err(|_| Failed)
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Failed> {
        Err(Failed)
    }

    fn flush(&mut self) -> Result<(), Failed> {
        Err(Failed)
    }
}

/// What a program adds to the kernel's record, and asks its supervisor for: docs/LUPERIQ-ABI.md.
const PROCESS_NOTE: u16 = 0x4c09;
const CAPABILITY_REQUEST: u16 = 0x4c08;

const PROCESS_MADE: u16 = 0x4c03;

/// What asks for a handle that only looks: at files of the workspace, or for a program.
const LOOKS: [&str; 2] = ["FILE_READ:disk=workspace:", "SPAWN:bin/"];
