//! Everything a sandbox takes, found and written down before there is one.
//!
//! The process that becomes the sandbox is a copy of one that may have had threads, so it can
//! neither allocate nor wait for a lock. Whatever needs either is done here, outside.
//!
//! # Invariants
//! - A source is named by its real path, and is opened inside without following any link: what is
//!   shown is what was looked at, or nothing is started.
//! - Nothing is made outside: where a place is beneath another mount, it has to be there.
//!
//! # Not here
//! What every program gets of the system: [`super::system`].

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fd::OwnedFd;
use sentinel_core::order::{self, Set};
use sentinel_core::sandbox::{Mount, Network, Profile, Rights};

use super::identity::Identity;
use super::kernel::{MOUNT_NO_DEVICES, MOUNT_NO_EXECUTION, MOUNT_NO_SETUID, MOUNT_READ_ONLY};
use super::{StartError, authority, ruleset, script, system};

/// What a program is given beside what every program has of the system, and what it is.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) granted: Layer,
    /// Places beneath those that are shown that are covered.
    pub(super) hidden: Vec<CString>,
    /// Directories that must not be renamed, because something beneath them is guarded by its
    /// place; those above come first.
    pub(super) pinned: Vec<CString>,
    pub(super) program: CString,
    pub(super) directory: CString,
    pub(super) arguments: Strings,
    pub(super) environment: Strings,
}

/// What is made in the root directory of a sandbox, in the order in which it is made.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Directories, without the `/` before them; those above come first.
    pub(super) directories: Vec<CString>,
    /// Files, and what is in them.
    pub(super) files: Vec<(CString, Vec<u8>)>,
    /// Links: what they say, and where they are.
    pub(super) links: Vec<(CString, CString)>,
    /// What is shown of outside; what is above something else comes first.
    pub(super) trees: Vec<Tree>,
}

/// What every program has of the system: it can be made before it is known for which one.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) layer: Layer,
    /// Bytes of the temporary directory.
    pub(super) temporary: CString,
    /// Whether there is a network of the machine's, for which its names are shown.
    pub(super) is_open: bool,
    pub(super) has_terminal: bool,
}

/// A file or directory of outside.
#[derive(Debug)]
pub(super) struct Tree {
    /// Its real path, without the `/` before it.
    pub(super) source: CString,
    pub(super) target: CString,
    pub(super) is_directory: bool,
    /// What cannot be done there.
    pub(super) attributes: u64,
    /// What Landlock allows there.
    pub(super) allowed: u64,
    /// Whose it must be, if ids are mapped, and how they are.
    pub(super) idmap: Option<Idmap>,
}

/// How the owner of a tree becomes the sandbox's own user.
#[derive(Debug)]
pub(super) struct Idmap {
    pub(super) owner: (u32, u32),
    pub(super) namespace: Arc<OwnedFd>,
}

/// Strings as a program gets them.
#[derive(Debug)]
pub(super) struct Strings {
    _strings: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

impl Strings {
    fn new(words: &[Vec<u8>]) -> Result<Self, StartError> {
        let strings: Result<Vec<CString>, _> =
            words.iter().map(|word| CString::new(&word[..])).collect();
        let strings = strings.map_err(|_| StartError::new("a word has a zero byte in it"))?;
        // The strings do not move when the list of them does.
        let pointers = strings.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(Self { _strings: strings, pointers })
    }

    /// Pointers to them, and a null at the end.
    pub(super) fn pointers(&self) -> &[*const libc::c_char] {
        &self.pointers
    }
}

impl Plan {
    /// Looks at all that a profile names, and gives what there is to be beneath it.
    pub(super) fn new(profile: &Profile, identity: &Identity) -> Result<(Base, Self), StartError> {
        let base = Base::new(profile, identity, Vec::new())?;
        let mut plan = Self::on(&base, profile, identity)?;
        if !plan.granted.is_above(&base.layer) {
            return Ok((base, plan));
        }
        // What is above comes first, and so all is made at once.
        let granted = std::mem::take(&mut plan.granted);
        plan.granted.show_authority(&profile.authority);
        Ok((Base::new(profile, identity, granted.trees)?, plan))
    }

    /// The same where a base is made already.
    pub(super) fn on(
        base: &Base,
        profile: &Profile,
        identity: &Identity,
    ) -> Result<Self, StartError> {
        let mut granted = Layer::default();
        for mount in &profile.mounts {
            granted.show(Path::new(OsStr::from_bytes(&mount.path)), mount.rights, identity)?;
        }
        granted.show_programs(Path::new(OsStr::from_bytes(&profile.program)), identity)?;
        granted.finish(Set::new(), &base.layer)?;
        granted.show_authority(&profile.authority);
        let hidden = profile.hidden.iter().map(|path| string(relative(path)));
        let hidden: Vec<CString> = hidden.collect::<Result<_, _>>()?;
        let pinned = granted.above_guarded(&hidden)?;
        Ok(Self {
            granted,
            hidden,
            pinned,
            program: string(&profile.program)?,
            directory: string(&profile.directory)?,
            arguments: Strings::new(&profile.arguments)?,
            environment: Strings::new(&profile.environment)?,
        })
    }
}

impl Base {
    fn new(profile: &Profile, identity: &Identity, trees: Vec<Tree>) -> Result<Self, StartError> {
        let mut layer = Layer::default();
        let mut directories: Set<PathBuf> = Set::new();
        directories.extend(system::DIRECTORIES.iter().map(PathBuf::from));
        layer.show_system(profile, &mut directories)?;
        layer.trees.extend(trees);
        layer.finish(directories, &Layer::default())?;
        // What is granted has its own name, also where there would be a link.
        let made = layer.directories.iter().chain(layer.trees.iter().map(|tree| &tree.target));
        let made: Vec<CString> = made.cloned().collect();
        layer.links.retain(|(_, link)| !made.contains(link));
        let (uid, gid) = identity.inside();
        for (name, content) in system::files(uid, gid, profile.network) {
            let name = string(name.as_bytes())?;
            layer.files.retain(|(known, _)| *known != name);
            layer.files.push((name, content));
        }
        let temporary = string(profile.limits.temporary_bytes.to_string().as_bytes())?;
        let is_open = profile.network == Network::Host;
        Ok(Self { layer, temporary, is_open, has_terminal: profile.has_terminal })
    }

    /// What most calls have beneath what they were granted.
    pub(super) fn usual(identity: &Identity) -> Result<Self, StartError> {
        Self::new(&Profile::new(b"/", b"/"), identity, Vec::new())
    }

    /// Whether this is the base that a profile needs.
    pub(super) fn suits(&self, profile: &Profile) -> bool {
        let is_above = |mount: &Mount| self.layer.is_beneath(relative(&mount.path));
        self.is_open == (profile.network == Network::Host)
            && self.has_terminal == profile.has_terminal
            && self.temporary.to_bytes() == profile.limits.temporary_bytes.to_string().as_bytes()
            && !profile.mounts.iter().any(is_above)
    }
}

impl Layer {
    /// Whether something of this layer belongs above something of another.
    fn is_above(&self, other: &Self) -> bool {
        self.trees.iter().any(|tree| other.is_beneath(tree.target.as_bytes()))
    }

    /// Whether something of this layer is beneath a place, or a link of it leads past the place.
    fn is_beneath(&self, place: &[u8]) -> bool {
        let holds = |above: &[u8], path: &[u8], is_same: bool| {
            let rest = path.strip_prefix(above);
            rest.is_some_and(|rest| rest.starts_with(b"/") || is_same && rest.is_empty())
        };
        self.trees.iter().any(|tree| holds(place, tree.target.as_bytes(), false))
            || self.links.iter().any(|(_, link)| holds(link.as_bytes(), place, true))
    }

    /// Puts everything in order, on top of what is there already.
    fn finish(&mut self, mut directories: Set<PathBuf>, beneath: &Self) -> Result<(), StartError> {
        // What is above comes first; of two at one place the later one covers the earlier.
        order::sort_by_key(&mut self.trees, |tree| {
            tree.target.as_bytes().iter().filter(|b| **b == b'/').count()
        });
        self.make_places(&mut directories, beneath)?;
        let directories = directories.iter().map(|path| string(path.as_os_str().as_bytes()));
        self.directories = directories.collect::<Result<_, _>>()?;
        self.directories.retain(|path| !beneath.directories.contains(path));
        Ok(())
    }

    fn show_system(
        &mut self,
        profile: &Profile,
        directories: &mut Set<PathBuf>,
    ) -> Result<(), StartError> {
        let mut plain = Vec::new();
        for (path, rights) in system::places(profile.network) {
            let Ok(data) = fs::symlink_metadata(path) else { continue };
            let name = relative(path.as_bytes());
            if data.is_symlink() && !system::is_followed(path) {
                let Ok(leads) = fs::read_link(path) else { continue };
                self.links.push((string(leads.as_os_str().as_bytes())?, string(name)?));
                if let Some(above) = Path::new(OsStr::from_bytes(name)).parent() {
                    directories.extend(above.ancestors().map(Path::to_path_buf));
                }
                continue;
            }
            let (real, is_directory) = if data.is_symlink() || !is_above_plain(path, &mut plain) {
                let Ok(real) = fs::canonicalize(path) else { continue };
                let is_directory = real.is_dir();
                (real, is_directory)
            } else {
                (PathBuf::from(path), data.is_dir())
            };
            let attributes = attributes(rights);
            let allowed = ruleset::of(rights, is_directory);
            let source = string(relative(real.as_os_str().as_bytes()))?;
            let target = string(name)?;
            self.trees.push(Tree {
                source,
                target,
                is_directory,
                attributes,
                allowed,
                idmap: None,
            });
        }
        for name in system::DEVICES {
            let source = format!("/dev/{name}");
            if !fs::metadata(&source).is_ok_and(|data| data.file_type().is_char_device()) {
                return Err(StartError::new(format!("{source} is not the device it should be")));
            }
            self.show_device(&source, ruleset::DEVICE)?;
        }
        if profile.has_terminal {
            self.show_device("/dev/tty", ruleset::TERMINAL)?;
        }
        for (leads, name) in system::LINKS {
            self.links.push((string(leads.as_bytes())?, string(name.as_bytes())?));
        }
        Ok(())
    }

    fn show_device(&mut self, path: &str, allowed: u64) -> Result<(), StartError> {
        let place = string(relative(path.as_bytes()))?;
        self.trees.push(Tree {
            source: place.clone(),
            target: place,
            is_directory: false,
            // Here alone a device is a device.
            attributes: MOUNT_NO_SETUID | MOUNT_NO_EXECUTION,
            allowed,
            idmap: None,
        });
        Ok(())
    }

    /// Shows a file or directory, at its own place.
    fn show(&mut self, path: &Path, rights: Rights, identity: &Identity) -> Result<(), StartError> {
        let said = path.display();
        if system::is_kernels(path) {
            let why = format!("{said} is the kernel's or the root directory, and cannot be shown");
            return Err(StartError::new(why));
        }
        let data = fs::symlink_metadata(path)
            .map_err(|error| StartError::new(format!("{said}: {error}")))?;
        let real = fs::canonicalize(path);
        let real = real.map_err(|error| StartError::new(format!("{said}: {error}")))?;
        if real != path {
            let why = format!("{said} has a link in it; name the place that it leads to");
            return Err(StartError::new(why));
        }
        if !data.is_dir() && !data.is_file() {
            let why = format!("{said} is neither a file nor a directory");
            return Err(StartError::new(why));
        }
        let idmap = identity
            .idmap(data.uid(), data.gid())
            .map_err(|error| StartError::new(format!("{said}: {error}")))?;
        let place = string(relative(path.as_os_str().as_bytes()))?;
        self.trees.push(Tree {
            source: place.clone(),
            target: place,
            is_directory: data.is_dir(),
            attributes: attributes(rights),
            allowed: ruleset::of(rights, data.is_dir()),
            idmap,
        });
        Ok(())
    }

    /// Shows the program, and what it is interpreted by, each as one file that may be run.
    fn show_programs(&mut self, program: &Path, identity: &Identity) -> Result<(), StartError> {
        for file in script::chain(program)? {
            if !system::holds_program(&file) {
                self.show(&file, Rights::Run, identity)?;
            }
        }
        Ok(())
    }

    /// The directories between a place that can be written to and one beneath it that is hidden or
    /// cannot. A mount point cannot be renamed; what is above it can, and then another thing could
    /// be made where the guarded one was, and the guarded one found under another name.
    fn above_guarded(&self, hidden: &[CString]) -> Result<Vec<CString>, StartError> {
        let is_written = |tree: &Tree| tree.attributes & MOUNT_READ_ONLY == 0;
        let path = |place: &CString| PathBuf::from(OsStr::from_bytes(place.as_bytes()));
        let shown: Vec<PathBuf> = self.trees.iter().map(|tree| path(&tree.target)).collect();
        let kept = self.trees.iter().filter(|tree| !is_written(tree)).map(|tree| &tree.target);
        let mut pinned: Set<PathBuf> = Set::new();
        for guarded in kept.chain(hidden).map(path) {
            for above in guarded.ancestors().skip(1) {
                // The nearest of those that are shown says whether it can be written to.
                let trees = self.trees.iter().zip(&shown).rev();
                let nearest =
                    trees.filter(|(_, shown)| above.starts_with(shown)).reduce(|one, other| {
                        if other.1.starts_with(one.1) && other.1 != one.1 { other } else { one }
                    });
                let Some((tree, shown)) = nearest else { break };
                if is_written(tree) && shown != above {
                    pinned.insert(above.to_path_buf());
                }
            }
        }
        pinned.iter().map(|path| string(path.as_os_str().as_bytes())).collect()
    }

    /// Shows a certificate that programs are to believe, if there is one.
    fn show_authority(&mut self, authority: &[u8]) {
        if !authority.is_empty() {
            self.directories.push(authority::DIRECTORY.into());
            let files = authority::files(authority);
            self.files.extend(files.map(|(name, content)| (name.into(), content)));
        }
    }

    /// What has to be made in the root directory for the trees to be there.
    fn make_places(
        &mut self,
        directories: &mut Set<PathBuf>,
        beneath: &Self,
    ) -> Result<(), StartError> {
        for (index, tree) in self.trees.iter().enumerate() {
            let target = Path::new(OsStr::from_bytes(tree.target.as_bytes()));
            let mut above = beneath.trees.iter().chain(self.trees.iter().take(index));
            let is_shown =
                above.any(|above| target.starts_with(OsStr::from_bytes(above.target.as_bytes())));
            let is_made = |(made, _): &(CString, Vec<u8>)| *made == tree.target;
            if is_shown || beneath.files.iter().chain(&self.files).any(is_made) {
                continue;
            }
            let above = target.ancestors().skip(if tree.is_directory { 0 } else { 1 });
            directories.extend(above.map(Path::to_path_buf));
            if !tree.is_directory {
                self.files.push((tree.target.clone(), Vec::new()));
            }
        }
        directories.remove(Path::new(""));
        Ok(())
    }
}

/// Whether all that a path leads through are directories and no links; those that are known for
/// such are not looked at again.
fn is_above_plain(path: &'static str, known: &mut Vec<&'static str>) -> bool {
    let above = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
    above.filter(|above| !above.is_empty()).all(|above| {
        let is_known = known.contains(&above);
        let is_plain = is_known || fs::symlink_metadata(above).is_ok_and(|data| data.is_dir());
        if is_plain && !is_known {
            known.push(above);
        }
        is_plain
    })
}

fn attributes(rights: Rights) -> u64 {
    let always = MOUNT_NO_SETUID | MOUNT_NO_DEVICES;
    match rights {
        Rights::Read => always | MOUNT_READ_ONLY | MOUNT_NO_EXECUTION,
        Rights::Write => always | MOUNT_NO_EXECUTION,
        Rights::Run => always | MOUNT_READ_ONLY,
    }
}

fn relative(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

fn string(bytes: &[u8]) -> Result<CString, StartError> {
    CString::new(bytes).map_err(|_| StartError::new("a path has a zero byte in it"))
}
