//! Objects of the kernel that have no file: made with the secret in them, and looked for.

use std::io;

use super::calls::{self, NOTHING, Word, ask};
use super::ground::Ground;
use super::outliving::USER_KEYRING;

/// Those of one run; they are gone with it.
#[derive(Debug)]
pub(super) struct Objects {
    segment: Option<i64>,
    queue: Option<i64>,
    named: Option<std::ffi::CString>,
    key: Option<i64>,
}

impl Objects {
    pub(super) fn new(ground: &mut Ground, secret: &str) -> io::Result<Self> {
        let words = [libc::IPC_PRIVATE.into(), Word::Number(4096), 0o600.into()];
        // A kernel may be built without any of them: what needs it is untried then.
        let segment = ask(libc::SYS_shmget, words).ok();
        if let Some(segment) = segment {
            write_segment(segment, secret)?;
            ground.tell("segment", segment);
        }
        let queue = ask(libc::SYS_msgget, [libc::IPC_PRIVATE.into(), 0o600.into()]).ok();
        if let Some(queue) = queue {
            // A message: its kind, and its text.
            let mut message = 1_i64.to_ne_bytes().to_vec();
            message.extend_from_slice(secret.as_bytes());
            let length = secret.len() as i64;
            let words = [Word::Number(queue), Word::Bytes(&message), Word::Number(length), NOTHING];
            ask(libc::SYS_msgsnd, words)?;
            ground.tell("queue", queue);
        }
        let named = Self::named(ground, secret);
        if let Some(name) = &named {
            ground.tell("named-queue", name.to_string_lossy());
        }
        let name = std::ffi::CString::new(ground.sign())?;
        let words = [
            Word::Text(c"user"),
            name.as_c_str().into(),
            Word::Bytes(secret.as_bytes()),
            Word::Number(secret.len() as i64),
            Word::Number(SESSION_KEYRING),
        ];
        let key = ask(libc::SYS_add_key, words).ok();
        if let Some(key) = key {
            ground.tell("key", key);
        }
        Ok(Self { segment, queue, named, key })
    }

    fn named(ground: &Ground, secret: &str) -> Option<std::ffi::CString> {
        let name = std::ffi::CString::new(format!("{}-named", ground.sign())).ok()?;
        // struct mq_attr: no flags, four messages of at most 256 bytes.
        let about = calls::bytes(&[0, 4, 256, 0, 0, 0, 0, 0]);
        let flags = libc::O_CREAT | libc::O_RDWR | libc::O_EXCL | libc::O_CLOEXEC;
        let words = [name.as_c_str().into(), flags.into(), 0o600.into(), Word::Bytes(&about)];
        let queue = ask(libc::SYS_mq_open, words).ok()?;
        let words = [
            Word::Number(queue),
            Word::Bytes(secret.as_bytes()),
            Word::Number(secret.len() as i64),
            NOTHING,
            NOTHING,
        ];
        let sent = ask(libc::SYS_mq_timedsend, words);
        let _ = ask(libc::SYS_close, [Word::Number(queue)]);
        sent.ok().map(|_| name)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if let Some(segment) = self.segment {
            let _ = remove(libc::SYS_shmctl, segment);
        }
        if let Some(queue) = self.queue {
            let _ = remove(libc::SYS_msgctl, queue);
        }
        if let Some(name) = &self.named {
            let _ = ask(libc::SYS_mq_unlink, [name.as_c_str().into()]);
        }
        if let Some(key) = self.key {
            let words = [UNLINK.into(), Word::Number(key), Word::Number(SESSION_KEYRING)];
            let _ = ask(libc::SYS_keyctl, words);
        }
    }
}

/// KEYCTL_UNLINK and KEY_SPEC_SESSION_KEYRING.
const UNLINK: i32 = 9;
const SESSION_KEYRING: i64 = -3;

fn remove(call: libc::c_long, object: i64) -> io::Result<i64> {
    ask(call, [Word::Number(object), libc::IPC_RMID.into(), NOTHING])
}

fn write_segment(segment: i64, secret: &str) -> io::Result<()> {
    let number = i32::try_from(segment).map_err(io::Error::other)?;
    // SAFETY: the kernel chooses where; nothing is replaced.
    let place = unsafe { libc::shmat(number, std::ptr::null(), 0) };
    if place as isize == -1 {
        return Err(io::Error::last_os_error());
    }
    let length = secret.len().min(4096);
    // SAFETY: the segment was made just now, is a page long, and nobody else knows it yet; it is
    // let go afterwards, and no reference to it was made.
    unsafe {
        std::ptr::copy_nonoverlapping(secret.as_ptr(), place.cast::<u8>(), length);
        libc::shmdt(place);
    }
    Ok(())
}

/// What an attempt left behind under its number or its sign, which is removed.
pub(super) fn left(number: i64, sign: &str) -> Option<&'static str> {
    let key = || Word::Number(number);
    if let Ok(segment) = ask(libc::SYS_shmget, [key(), NOTHING, NOTHING]) {
        let _ = remove(libc::SYS_shmctl, segment);
        return Some("a segment of shared memory is left");
    }
    if let Ok(queue) = ask(libc::SYS_msgget, [key(), NOTHING]) {
        let _ = remove(libc::SYS_msgctl, queue);
        return Some("a queue of messages is left");
    }
    if let Ok(semaphore) = ask(libc::SYS_semget, [key(), NOTHING, NOTHING]) {
        let words = [Word::Number(semaphore), NOTHING, libc::IPC_RMID.into(), NOTHING];
        let _ = ask(libc::SYS_semctl, words);
        return Some("a semaphore is left");
    }
    let name = std::ffi::CString::new(sign).ok()?;
    if ask(libc::SYS_mq_unlink, [name.as_c_str().into()]).is_ok() {
        return Some("a named queue is left");
    }
    // KEYCTL_SEARCH.
    let ring = || Word::Number(USER_KEYRING);
    let words = [Word::Number(10), ring(), Word::Text(c"user"), name.as_c_str().into(), NOTHING];
    let found = ask(libc::SYS_keyctl, words).ok()?;
    let _ = ask(libc::SYS_keyctl, [UNLINK.into(), Word::Number(found), ring()]);
    Some("a key is left")
}
