//! What was written is read back by this file's own reader, and by the tools of `dosfstools` and
//! `mtools` where they are installed.

use std::process::{Command, Stdio};

use super::*;

const SECTORS: u32 = 131_072;

fn files() -> Vec<(String, Vec<u8>)> {
    let many = (0..40).map(|number| {
        (format!("many/a name that is long {number}").replace(' ', "-"), vec![number; 3])
    });
    let fixed = [
        ("config.txt", b"arm_64bit=1\n".to_vec()),
        ("kernel_2712.img", (0..1_000_000).map(|at: u32| (at / 7) as u8).collect()),
        ("bcm2712-rpi-5-b.dtb", vec![1; SECTOR]),
        ("overlays/bcm2712d0.dtbo", vec![2; SECTOR + 1]),
        ("exactly-13.c0", vec![3; 1]),
        ("EMPTY", Vec::new()),
        ("deep/er/and/deeper.txt", b"there".to_vec()),
        ("kernel_2713.img", vec![4; 10]),
    ];
    fixed.into_iter().map(|(name, content)| (name.to_string(), content)).chain(many).collect()
}

fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    bytes[at..at + length].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The bytes of a chain of clusters.
fn chain(volume: &[u8], mut cluster: usize) -> Vec<u8> {
    let table = number(volume, 14, 2) * SECTOR;
    let data = table + 2 * number(volume, 36, 4) * SECTOR;
    let mut bytes = Vec::new();
    while cluster < 0x0fff_fff8 {
        assert!(cluster >= 2, "a cluster that is none");
        let at = data + (cluster - 2) * SECTOR;
        bytes.extend(&volume[at..at + SECTOR]);
        cluster = number(volume, table + 4 * cluster, 4);
    }
    bytes
}

/// Every file beneath a directory, by its long name.
fn read(volume: &[u8], cluster: usize, above: &str, found: &mut Vec<(String, Vec<u8>)>) {
    let mut name: Vec<u16> = Vec::new();
    for row in chain(volume, cluster).chunks(ROW).take_while(|row| row[0] != 0) {
        if row[11] == LONG {
            let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain([28, 30]);
            let part: Vec<u16> = places.map(|at| number(row, at, 2) as u16).collect();
            name.splice(0..0, part);
            continue;
        }
        let letters = name.iter().copied().take_while(|letter| ![0, 0xffff].contains(letter));
        let path = format!("{above}{}", String::from_utf16(&letters.collect::<Vec<_>>()).unwrap());
        name.clear();
        let first = number(row, 20, 2) << 16 | number(row, 26, 2);
        match row[11] {
            FOLDER if row[0] != b'.' => read(volume, first, &format!("{path}/"), found),
            FILE => {
                let bytes = number(row, 28, 4);
                let mut content = if bytes == 0 { Vec::new() } else { chain(volume, first) };
                content.truncate(bytes);
                found.push((path, content));
            }
            _ => {}
        }
    }
}

#[test]
fn what_was_written_is_read_back() {
    let volume = volume(SECTORS, 2048, &files()).unwrap();
    assert_eq!(volume.len(), SECTORS as usize * SECTOR);
    let mut found = Vec::new();
    read(&volume, 2, "", &mut found);
    found.sort();
    let mut expected = files();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_order_in_which_files_come_changes_nothing() {
    let mut turned = files();
    turned.reverse();
    let [one, other] = [files(), turned].map(|files| volume(SECTORS, 2048, &files).unwrap());
    assert!(one == other);
}

#[test]
fn what_does_not_fit_and_what_is_no_name_is_refused() {
    let one = |name: &str, bytes: usize| volume(SECTORS, 0, &[(name.to_string(), vec![0; bytes])]);
    assert!(one("fits", 60 << 20).is_ok());
    for (name, bytes) in
        [("a", 64 << 20), ("", 1), ("a/", 1), ("../a", 1), ("a b", 1), ("a.", 1), ("\u{e4}", 1)]
    {
        assert!(one(name, bytes).is_err(), "{name} {bytes}");
    }
    assert!(one(&"x".repeat(255), 1).is_ok() && one(&"x".repeat(256), 1).is_err());
    let pair = |one: &str, other: &str| {
        volume(SECTORS, 0, &[(one.into(), vec![1]), (other.into(), vec![2])]).is_err()
    };
    assert!(pair("a", "A") && pair("a", "a/b") && pair("a/b", "a") && pair("a/b", "A/c"));
    assert!(volume(65_000, 0, &[]).is_err(), "too small for FAT32");
}

#[test]
fn short_names_are_their_own_or_numbered() {
    let names = ["CONFIG.TXT", "KERNEL_2712.IMG", "KERNEL_2713.IMG", "A.B.C", "KERNEL~1.IMG"];
    let made = shorts(names.map(String::from).iter());
    let texts: Vec<_> = made.iter().map(|name| str::from_utf8(name).unwrap()).collect();
    assert_eq!(texts, ["CONFIG  TXT", "KERNEL~1IMG", "KERNEL~2IMG", "AB~1    C  ", "KERNEL~3IMG"]);
}

/// Other people's programs agree: nothing to mend, and every byte where it should be.
#[test]
fn tools_of_others_agree() {
    let has = |program: &str| {
        let mut run = Command::new(program);
        run.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    // What is for root alone is not on everybody's path.
    let check = ["fsck.fat", "/usr/sbin/fsck.fat"].into_iter().find(|program| has(program));
    let path = std::env::temp_dir().join(format!("sentinel-fat-{}.img", std::process::id()));
    std::fs::write(&path, volume(SECTORS, 2048, &files()).unwrap()).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).arg(&path).output().unwrap()
    };
    if let Some(check) = check {
        let done = run(check, &["-n", "-v"]);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said}");
        assert!(said.contains(" files, "), "{said}");
    } else {
        println!("skipped: fsck.fat of dosfstools is not installed");
    }
    if has("mtype") {
        for (name, content) in files() {
            let mut run = Command::new("mtype");
            let done = run.arg("-i").arg(&path).arg(format!("::/{name}")).output().unwrap();
            assert!(done.status.success() && done.stdout == content, "{name}");
        }
    } else {
        println!("skipped: mtype of mtools is not installed");
    }
    std::fs::remove_file(&path).unwrap();
}
