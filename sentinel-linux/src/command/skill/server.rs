//! MCP servers for operators: what one lists, what is pinned of it, and a call by hand.
//!
//! # Invariants
//! - Before its listing was approved a server sees nothing but its own folder: where it will be
//!   shown a directory it finds an empty one, and there is no network. One that is elsewhere is
//!   asked when its host was granted.
//! - What a server says of its tools is shown with every character that hides made visible.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sentinel_core::agent::{OperatorCommand, Unsampled};
use sentinel_core::capability::{FileRight, Resource};
use sentinel_core::mcp::{
    Claims, Client, ClientEffect, ClientOffer, Decision, Got, Peer, RequestNumber, ToolClaim,
};
use sentinel_core::sandbox::{Limits, Mount, Profile, Rights};
use sentinel_core::skill::{Listing, Manifest, Server, SignatureError, Skill, Trust, hex};
use sentinel_core::text::json;

use super::super::Arguments;
use super::super::shown::{self, plain};
use super::elsewhere::{self, Far};
use super::guest::{Guest, Silence};
use super::manage::{Found, effect, say_signer};
use crate::print::{print, println};
use crate::sandbox::Sandboxes;
use crate::skills::folder::{Folder, LISTING};
use crate::skills::{SETTLING, bare, root};

/// `sentinel skill approve`, for a server: it is asked what it lists, and that is shown and kept.
pub(super) fn approve(
    arguments: &Arguments,
    skill: &Skill,
    trust: &Trust,
) -> Result<ExitCode, Box<dyn Error>> {
    let name = skill.name.clone();
    let folder = Folder::read(Path::new(&skill.place))?;
    let changes = || format!("{} changes while it is looked at", plain(&name));
    if folder.digest != skill.digest {
        return Err(changes().into());
    }
    // Nothing is started that somebody signed otherwise. Where nobody did, and somebody has to, it
    // is asked all the same: there is nothing to sign before it was.
    let fits = |digest: &[u8; 32]| match trust.check(digest, folder.signature.as_deref()) {
        Ok(_) | Err(SignatureError::Missing) => Ok(()),
        Err(error) => Err(format!("{} cannot be used: {error}", plain(&name))),
    };
    fits(&folder.digest)?;
    let manifest = skill.manifest.as_ref().ok_or("it has no manifest that can be read")?;
    let far = Far::of(arguments, manifest)?;
    if let Some(url) = manifest.url() {
        println!("{} is asked at {url} what it has.", plain(&name));
    }
    let may_sample = elsewhere::may_sample(arguments, manifest)?;
    if may_sample {
        println!("{} may have a model asked while it is called.", plain(&name));
    }
    let listing = ask(&folder, manifest, far, may_sample)?;
    let text = listing.written();
    let mut digest = folder.digest;
    if folder.listing.as_ref() != Some(&text) {
        show(manifest, &listing, skill.listing.as_ref());
        let (_, with_listing) = Folder::read_with(&folder.place, &text)?;
        fits(&with_listing).map_err(|why| {
            format!(
                "{why}\nit is signed with another {LISTING}, or without one, and lists what is \
                 shown above"
            )
        })?;
        agreed(arguments, &name)?;
        // What is approved is what was shown: the files that the server was started from, and this
        // listing. Whoever changed one of them meanwhile changed another skill.
        let (now, with_listing) = Folder::read_with(&folder.place, &text)?;
        if now.digest != folder.digest {
            return Err(changes().into());
        }
        keep(&folder.place, &text)?;
        digest = with_listing;
    }
    // With the listing it is another skill, and names may clash.
    let found = Found::look(arguments)?;
    let skill = found.named(&name)?;
    if let Some(problem) = skill.problems.first() {
        return Err(format!("{} cannot be used: {}", plain(&name), plain(problem)).into());
    }
    if skill.digest != digest {
        return Err(changes().into());
    }
    say_signer(arguments, skill);
    shown::command(arguments, OperatorCommand::ApproveSkill { name, digest })
}

/// Whether whoever sits there wants that.
fn agreed(arguments: &Arguments, name: &str) -> Result<(), Box<dyn Error>> {
    if arguments.has("yes") {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let why = "nobody can be asked here whether these are to be approved; --yes says so";
        return Err(why.into());
    }
    print!("\nApprove {} with these tools? [y/N] ", plain(name));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err("nothing was approved".into()),
    }
}

/// Writes the listing into the folder, whole or not at all.
fn keep(place: &Path, text: &str) -> Result<(), String> {
    let path = place.join(LISTING);
    let fresh = place.join(format!("{LISTING}.new"));
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path));
    written.map_err(|error| {
        let _ = fs::remove_file(&fresh);
        format!("what was listed cannot be kept in {}: {error}", path.display())
    })
}

/// What there is to say of a server: how it is started, and what it listed.
pub(super) fn show(manifest: &Manifest, listing: &Listing, before: Option<&Listing>) {
    let Some(server) = &manifest.server else { return };
    show_start(manifest, server);
    println!(
        "\nIt calls itself {} {}. What follows are its own words, which models are told:",
        plain(&listing.server),
        plain(&listing.release)
    );
    let known = |name: &str| -> Option<&ToolClaim> {
        before.and_then(|it| it.claims.tools.iter().find(|claim| claim.name == name))
    };
    for offered in listing.offered(&manifest.name) {
        let claim = offered.claim;
        let news = match (before.is_some(), known(&claim.name)) {
            (false, _) => "",
            (true, None) => " [NEW]",
            (true, Some(old)) if old.digest != claim.digest => " [CHANGED]",
            (true, Some(_)) => "",
        };
        let declared = server.tools.iter().find(|it| it.name == claim.name);
        let does =
            declared.map_or("taken to send: its manifest does not say", |it| effect(it.effect));
        println!("\n  {}{news} ({does})", plain(&claim.name));
        if let Some(why) = offered.left_out {
            println!("    models are not told of it: {why}");
        }
        if let Some(old) = known(&claim.name).filter(|_| !news.is_empty()) {
            println!("    before: {}", indented(&old.description));
        }
        println!("    {}", indented(&claim.description));
        println!("    takes {}", indented(&claim.schema));
    }
    for gone in before.iter().flat_map(|it| &it.claims.tools) {
        if !listing.claims.tools.iter().any(|claim| claim.name == gone.name) {
            println!("\n  {} [GONE]", plain(&gone.name));
        }
    }
    for (has, what) in [(listing.has_resources, "documents"), (listing.has_prompts, "prompts")] {
        if has {
            println!("\n  It has {what} that can be read.");
        }
    }
    println!("\nSHA-256 of its tools {}", hex(&listing.claims.digest()));
}

pub(super) fn show_start(manifest: &Manifest, server: &Server) {
    if server.asks {
        println!("  it may ask people something while it is called");
    }
    if let Some(url) = &server.url {
        println!("  an MCP server elsewhere: {url}");
        return;
    }
    let words = [&manifest.entry].into_iter().chain(&server.arguments);
    let words: Vec<String> = words.map(|word| plain(word)).collect();
    println!("  an MCP server, started by: {}", words.join(" "));
    for word in &server.environment {
        println!("  with {}", plain(word));
    }
    if server.translates {
        println!("  it may write programs into its memory and run them");
    }
}

/// Words of somebody else, of which no line looks like one of ours.
fn indented(text: &str) -> String {
    plain(text).replace('\n', "\n    | ")
}

/// Starts a server where it sees nothing, unless it is elsewhere, and asks it what it has.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn ask(
    folder: &Folder,
    manifest: &Manifest,
    far: Option<Far>,
    may_sample: bool,
) -> Result<Listing, String> {
    let mut talk = Talk::start(folder, manifest, far, (false, may_sample))?;
    let listed = talk.listing(None);
    talk.with_last_words(listed)
}

/// Calls a tool of a server by hand; it is said whether it is shown what it requires, and told of a
/// model.
///
/// # Errors
/// What went wrong.
pub(super) fn run(
    folder: &Folder,
    (manifest, far): (&Manifest, Option<Far>),
    listing: &Listing,
    (tool, words): (&str, &[&str]),
    may: (bool, bool),
) -> Result<(String, bool), String> {
    let offered = listing.offered(&manifest.name).find(|it| it.name() == tool);
    let offered = offered.ok_or_else(|| {
        let names: Vec<String> = listing.offered(&manifest.name).map(|it| it.name()).collect();
        format!("name a tool of it: {}", names.join(", "))
    })?;
    let given = given(words)?;
    let mut talk = Talk::start(folder, manifest, far, may)?;
    let called = talk.call(listing, &offered.claim.name, &given, manifest.bounds.time);
    talk.with_last_words(called)
}

/// The arguments as a JSON object: as it is given, or made of `name=value`, where a value is what
/// JSON it is, or a text.
fn given(words: &[&str]) -> Result<String, String> {
    if let [whole] = words
        && whole.trim_start().starts_with('{')
    {
        json::parse(whole.as_bytes()).map_err(|error| error.to_string())?;
        return Ok((*whole).to_string());
    }
    let mut pairs = Vec::new();
    for word in words {
        pairs.push(word.split_once('=').ok_or_else(|| {
            format!("'{word}' is no argument; write name=value, or a JSON object")
        })?);
    }
    Ok(json::object(|out| {
        for (name, value) in pairs {
            match json::parse(value.as_bytes()) {
                Ok(document) => out.field(name, document.root()),
                Err(_) => out.field(name, value),
            };
        }
    }))
}

/// A server that was started, and what is spoken with it.
struct Talk {
    way: Way,
    peer: Option<Peer>,
    bytes: usize,
    end: Instant,
}

enum Way {
    /// To a process.
    Here(Box<Guest>, Box<Client>),
    Elsewhere(Box<Far>),
}

impl Talk {
    fn start(
        folder: &Folder,
        manifest: &Manifest,
        far: Option<Far>,
        (is_granted, may_sample): (bool, bool),
    ) -> Result<Self, String> {
        let (peer, bytes, end) = (None, 0, Instant::now() + PATIENCE);
        if let Some(far) = far {
            return Ok(Self { way: Way::Elsewhere(Box::new(far)), peer, bytes, end });
        }
        let profile = profile(folder, manifest, is_granted);
        let shown = profile.mounts.get(1..).unwrap_or_default();
        let roots = shown.iter().map(|mount| root(&mount.path)).collect();
        let version = env!("CARGO_PKG_VERSION").to_string();
        // Some list a tool only where there is somebody, or a model, to ask.
        let may_ask = manifest.server.as_ref().is_some_and(|server| server.asks);
        let client = Client::new(ClientOffer { version, roots, may_ask, may_sample });
        let sandboxes = Sandboxes::new().map_err(|error| error.to_string())?;
        let guest = Guest::start_in(&sandboxes, profile)?;
        Ok(Self { way: Way::Here(Box::new(guest), Box::new(client)), peer, bytes, end })
    }

    fn client(&mut self) -> &mut Client {
        match &mut self.way {
            Way::Here(_, client) => client,
            Way::Elsewhere(far) => far.client(),
        }
    }

    /// Words of it, without the token that it was shown.
    fn without_token(&self, text: String) -> String {
        match &self.way {
            Way::Here(..) => text,
            Way::Elsewhere(far) => far.without_token(text),
        }
    }

    /// What follows next, after it was told all there is to tell.
    fn poll(&mut self) -> Result<Option<ClientEffect>, String> {
        match &mut self.way {
            Way::Here(guest, client) => {
                while let Some(effect) = client.poll() {
                    match effect {
                        ClientEffect::Send(line) => {
                            guest.send(format!("{line}\n").as_bytes()).map_err(silence)?;
                        }
                        effect => return Ok(Some(effect)),
                    }
                }
                Ok(None)
            }
            Way::Elsewhere(far) => far.poll(),
        }
    }

    /// Takes what it says.
    fn hear(&mut self) -> Result<(), String> {
        match &mut self.way {
            Way::Here(guest, client) => {
                let piece = guest.piece(self.end).map_err(silence)?;
                self.bytes += piece.len();
                let mut input = piece.as_slice();
                while !input.is_empty() {
                    client.receive(&mut input);
                }
            }
            Way::Elsewhere(far) => self.bytes += far.hear(self.end)?,
        }
        Ok(())
    }

    /// What it has, once it was greeted, and a moment later: some list a part until they know what
    /// their client can do. What is expected is not waited for any longer.
    fn listing(&mut self, expected: Option<&Listing>) -> Result<Listing, String> {
        let mut found: Option<Claims> = None;
        loop {
            let is_expected =
                |it: &Claims| expected.is_some_and(|other| other.claims.digest() == it.digest());
            if found.as_ref().is_some_and(is_expected) {
                break;
            }
            match self.next() {
                Ok(ClientEffect::Ready(peer)) => {
                    if !peer.has[0] {
                        found = Some(Claims::default());
                        self.end = Instant::now() + SETTLING;
                    }
                    self.peer = Some(peer);
                }
                Ok(ClientEffect::Tools(claims)) => {
                    if found.is_none() {
                        self.end = Instant::now() + SETTLING;
                    }
                    found = Some(claims);
                }
                Ok(_) => {}
                Err(_) if found.is_some() && Instant::now() >= self.end => break,
                Err(why) => return Err(why),
            }
        }
        let peer = self.peer.as_ref().ok_or("it lists tools before it was greeted")?;
        let listing = Listing::of(peer, found.unwrap_or_default());
        let text = listing.written();
        match self.without_token(text.clone()) == text {
            true => Ok(listing),
            // Models are told what it lists, and the folder keeps it.
            false => Err("it lists its own token, which nobody is told".into()),
        }
    }

    /// What comes of a call, and whether it failed.
    fn call(
        &mut self,
        pinned: &Listing,
        tool: &str,
        arguments: &str,
        time: Duration,
    ) -> Result<(String, bool), String> {
        let listing = self.listing(Some(pinned))?;
        differs(pinned, &listing.claims)?;
        self.end = Instant::now() + time;
        let called = self.client().call(tool, arguments).map_err(|error| error.to_string())?;
        loop {
            match self.next() {
                Ok(ClientEffect::Done { request, got }) if request == called => {
                    return match got {
                        Got::Output { text, structured, is_error } => {
                            Ok((self.without_token(structured.unwrap_or(text)), is_error))
                        }
                        _ => Err("it answers something else".into()),
                    };
                }
                Ok(ClientEffect::Failed { request, why }) if request == called => return Err(why),
                Ok(ClientEffect::Progress { words, .. }) => {
                    eprintln!("{}", plain(&self.without_token(words)));
                }
                Ok(ClientEffect::Tools(claims)) => differs(pinned, &claims)?,
                Ok(_) => {}
                Err(why) => {
                    self.leave(called);
                    return Err(why);
                }
            }
        }
    }

    /// Tells it that nobody waits any more.
    fn leave(&mut self, request: RequestNumber) {
        self.client().cancel(request);
        while let Ok(Some(_)) = self.poll() {}
    }

    /// What happens next that is not only something to be said.
    fn next(&mut self) -> Result<ClientEffect, String> {
        loop {
            while let Some(effect) = self.poll()? {
                match effect {
                    ClientEffect::Broken(fault) => return Err(fault.to_string()),
                    ClientEffect::Ask(asked) => {
                        let _ = self.client().answer(asked.question, Decision::Decline);
                    }
                    ClientEffect::Wish(wished) => {
                        let why = "called by hand, a server has no model asked".into();
                        let outcome = Err(Unsampled::Refused(why));
                        let _ = self.client().sampled(wished.number, &outcome);
                    }
                    effect => return Ok(effect),
                }
            }
            if Instant::now() > self.end || self.bytes > BYTES_MAX {
                return Err("it takes longer, or says more, than it may".into());
            }
            self.hear()?;
        }
    }

    /// Adds to an error what it said for its author.
    fn with_last_words<T>(mut self, outcome: Result<T, String>) -> Result<T, String> {
        outcome.map_err(|why| {
            let why = self.without_token(why);
            let Way::Here(guest, _) = &mut self.way else { return why };
            guest.last_words();
            let said = String::from_utf8_lossy(&guest.said).trim().to_owned();
            match said.is_empty() {
                true => why,
                false => format!("{why}\nit says: {said}"),
            }
        })
    }
}

fn differs(pinned: &Listing, claims: &Claims) -> Result<(), String> {
    match pinned.claims.digest() == claims.digest() {
        true => Ok(()),
        false => Err("it lists other tools than those that were approved".into()),
    }
}

fn silence(silence: Silence) -> String {
    match silence {
        Silence::Ended => "it ended".into(),
        Silence::TimedOut => "it says nothing for too long".into(),
        Silence::Broken(fault) => fault.to_string(),
        Silence::Failed(why) => why,
    }
}

/// Its sandbox: its folder, and the directories that it requires, empty if they are not granted.
fn profile(folder: &Folder, manifest: &Manifest, is_granted: bool) -> Profile {
    use std::os::unix::ffi::OsStrExt as _;
    let mut profile = bare(manifest, &folder.place);
    let place = folder.place.as_os_str().as_bytes().to_vec();
    profile.mounts.push(Mount { path: place, rights: Rights::Run });
    for grant in &manifest.capabilities.required {
        let Resource::Files { path, rights } = &grant.resource else { continue };
        let path = path.as_str();
        if !Path::new(path).is_dir() {
            continue;
        }
        let writes = is_granted && rights.has(FileRight::Write);
        let rights = if writes { Rights::Write } else { Rights::Read };
        profile.mounts.push(Mount { path: path.as_bytes().to_vec(), rights });
        if !is_granted {
            profile.hidden.push(path.as_bytes().to_vec());
        }
    }
    profile.limits = Limits {
        time: Some(PATIENCE + manifest.bounds.time),
        memory_bytes: Some(manifest.bounds.memory_bytes),
        file_bytes: Some(FILE_BYTES_MAX),
        ..Limits::default()
    };
    profile
}

/// How long a server has to start and to list what it has.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of all that it says.
const BYTES_MAX: usize = 16 << 20;
/// Bytes of a file that it writes into its temporary directory.
const FILE_BYTES_MAX: u64 = 16 << 20;
