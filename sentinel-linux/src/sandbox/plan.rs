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
use sentinel_core::sandbox::{Profile, Rights};

use super::identity::Identity;
use super::kernel::{MOUNT_NO_DEVICES, MOUNT_NO_EXECUTION, MOUNT_NO_SETUID, MOUNT_READ_ONLY};
use super::{StartError, ruleset, script, system};

/// What is made inside, in the order in which it is made.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the root directory of its own, without the `/` before them; those above come first.
    pub(super) directories: Vec<CString>,
    /// Files in it, and what is in them.
    pub(super) files: Vec<(CString, Vec<u8>)>,
    /// Links in it: what they say, and where they are.
    pub(super) links: Vec<(CString, CString)>,
    /// What is shown of outside; what is above something else comes first.
    pub(super) trees: Vec<Tree>,
    /// Places beneath those that are covered: where, and whether it must be there.
    pub(super) hidden: Vec<CString>,
    pub(super) program: CString,
    pub(super) directory: CString,
    pub(super) arguments: Strings,
    pub(super) environment: Strings,
    pub(super) temporary: CString,
}

/// A file or directory of outside.
#[derive(Debug)]
pub(super) struct Tree {
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
    /// Looks at all that a profile names.
    pub(super) fn new(profile: &Profile, identity: &Identity) -> Result<Self, StartError> {
        let mut plan = Self {
            directories: Vec::new(),
            files: Vec::new(),
            links: Vec::new(),
            trees: Vec::new(),
            hidden: Vec::new(),
            program: string(&profile.program)?,
            directory: string(&profile.directory)?,
            arguments: Strings::new(&profile.arguments)?,
            environment: Strings::new(&profile.environment)?,
            temporary: string(profile.limits.temporary_bytes.to_string().as_bytes())?,
        };
        let mut directories: Set<PathBuf> = Set::new();
        directories.extend(system::DIRECTORIES.iter().map(PathBuf::from));
        plan.show_system(profile, &mut directories)?;
        for mount in &profile.mounts {
            plan.show(Path::new(OsStr::from_bytes(&mount.path)), mount.rights, identity)?;
        }
        plan.show_programs(Path::new(OsStr::from_bytes(&profile.program)), identity)?;
        // What is above comes first; of two at one place the later one covers the earlier.
        order::sort_by_key(&mut plan.trees, |tree| {
            tree.target.as_bytes().iter().filter(|b| **b == b'/').count()
        });
        plan.make_places(&mut directories)?;
        plan.directories = directories
            .iter()
            .map(|path| string(path.as_os_str().as_bytes()))
            .collect::<Result<_, _>>()?;
        for path in &profile.hidden {
            plan.hidden.push(string(relative(path))?);
        }
        let (uid, gid) = identity.inside();
        for (name, content) in system::files(uid, gid, profile.network) {
            plan.files.push((string(name.as_bytes())?, content));
        }
        Ok(plan)
    }

    fn show_system(
        &mut self,
        profile: &Profile,
        directories: &mut Set<PathBuf>,
    ) -> Result<(), StartError> {
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
            let Ok(real) = fs::canonicalize(path) else { continue };
            let is_directory = real.is_dir();
            let attributes = attributes(rights);
            let allowed = ruleset::of(rights, is_directory);
            let (source, target) = (string(real.as_os_str().as_bytes())?, string(name)?);
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
            let (source, target) =
                (string(source.as_bytes())?, string(relative(source.as_bytes()))?);
            // Here alone a device is a device.
            let attributes = MOUNT_NO_SETUID | MOUNT_NO_EXECUTION;
            let allowed = ruleset::DEVICE;
            let is_directory = false;
            self.trees.push(Tree {
                source,
                target,
                is_directory,
                attributes,
                allowed,
                idmap: None,
            });
        }
        if profile.has_terminal {
            let (source, target) = (string(b"/dev/tty")?, string(b"dev/tty")?);
            let attributes = MOUNT_NO_SETUID | MOUNT_NO_EXECUTION;
            let (allowed, is_directory) = (ruleset::TERMINAL, false);
            self.trees.push(Tree {
                source,
                target,
                is_directory,
                attributes,
                allowed,
                idmap: None,
            });
        }
        for (leads, name) in system::LINKS {
            self.links.push((string(leads.as_bytes())?, string(name.as_bytes())?));
        }
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
        let real = fs::canonicalize(path).ok();
        if real.as_deref() != Some(path) {
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
        self.trees.push(Tree {
            source: string(path.as_os_str().as_bytes())?,
            target: string(relative(path.as_os_str().as_bytes()))?,
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

    /// What has to be made in the root directory for the trees to be there.
    fn make_places(&mut self, directories: &mut Set<PathBuf>) -> Result<(), StartError> {
        for (index, tree) in self.trees.iter().enumerate() {
            let target = Path::new(OsStr::from_bytes(tree.target.as_bytes()));
            let is_shown = self.trees.iter().take(index).any(|above| {
                let above = Path::new(OsStr::from_bytes(above.target.as_bytes()));
                target.starts_with(above)
            });
            if is_shown {
                continue;
            }
            let above = target.ancestors().skip(if tree.is_directory { 0 } else { 1 });
            directories.extend(above.map(Path::to_path_buf));
            if !tree.is_directory {
                self.files.push((string(tree.target.as_bytes())?, Vec::new()));
            }
        }
        directories.remove(Path::new(""));
        Ok(())
    }
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
