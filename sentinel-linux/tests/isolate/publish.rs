//! Ports of a sandbox that are reached from outside, and nothing else of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::person::as_everybody;

/// A server that gives back what it gets, until its client has said everything.
const ECHO: &str = "\
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 9,
    ReuseAddr => 1) or die $!;
$SIG{CHLD} = 'IGNORE'; $| = 1; print \"ready\n\";
while (my $c = $s->accept) {
    if (fork) { next }
    my $b; while (sysread $c, $b, 65536) { syswrite $c, $b }
    exit
}";

/// A port that nobody is given who asks for any: those are higher ones.
fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 5000).unwrap();
    loop {
        let port = first + GIVEN.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Says it, and hears the answer to its end.
fn said_to(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = writer.write_all(bytes);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        heard
    })
}

/// Nobody is root inside, and servers of the web wait on port 80 all the same.
#[test]
fn a_port_that_is_roots_elsewhere_is_waited_on_inside() {
    if !Path::new("/usr/bin/perl").exists() {
        return;
    }
    as_everybody("published-low", |person| {
        let port = free_port();
        let ports = format!("{port}:80");
        let mut child = person
            .isolate(&["--publish", &ports], &["perl", "-e", ECHO, "80"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        let is_ready = child.stdout.as_mut().unwrap().read_exact(&mut ready);
        let heard = is_ready.map(|()| said_to(port, b"hello"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(heard.unwrap(), b"hello");
    });
}

#[test]
fn a_published_port_leads_to_the_server_inside() {
    if !Path::new("/usr/bin/perl").exists() {
        return;
    }
    as_everybody("published", |person| {
        let port = free_port();
        let ports = format!("{port}:8080");
        let mut child = person
            .isolate(&["--publish", &ports], &["perl", "-e", ECHO, "8080"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        assert_eq!(said_to(port, b"hello"), b"hello");
        // Much, in both directions at once, from several.
        let much: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        thread::scope(|scope| {
            let several: Vec<_> = (0..4).map(|_| scope.spawn(|| said_to(port, &much))).collect();
            for one in several {
                assert!(one.join().unwrap() == much);
            }
        });
        // Who says nothing and who goes away in the middle hold up nobody.
        let silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
        drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
        assert_eq!(said_to(port, b"again"), b"again");
        drop(silent);
        child.kill().unwrap();
        child.wait().unwrap();
        // With the sandbox the port ends; the kernel needs a moment for all its processes.
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_ok() {
            assert!(since.elapsed() < Duration::from_secs(20), "the port is still open");
            thread::sleep(Duration::from_millis(10));
        }
    });
}

#[test]
fn a_published_port_opens_no_other_way() {
    if !Path::new("/usr/bin/perl").exists() {
        return;
    }
    as_everybody("published-only", |person| {
        let (port, mine) = (free_port(), TcpListener::bind("127.0.0.1:0").unwrap());
        let options = ["--publish", &format!("{port}:8080")];
        let outside = mine.local_addr().unwrap().port().to_string();
        let reach = "use IO::Socket::INET; exit(IO::Socket::INET->new(PeerAddr => '127.0.0.1', \
                     PeerPort => $ARGV[0]) ? 0 : 9)";
        let (code, _, said) = person.run(&options, &["perl", "-e", reach, &outside]);
        assert_eq!(code, Some(9), "{said}");
        let (code, output, said) = person.run(&options, &["sh", "-c", "env | grep -ic proxy"]);
        assert_eq!((code, output.as_str()), (Some(1), "0\n"), "{said}");
        // Nobody waits inside: whoever comes is told so by the end.
        let mut child = person.isolate(&options, &["sleep", "20"]).spawn().unwrap();
        let since = Instant::now();
        let heard = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(mut stream) => break stream.read(&mut [0; 9]).unwrap_or_default(),
                Err(_) => assert!(since.elapsed() < Duration::from_secs(20), "it never opened"),
            }
        };
        assert_eq!(heard, 0);
        child.kill().unwrap();
        child.wait().unwrap();
        // A port that somebody has is told before anything is started.
        let (code, output, said) = person.run(&["--publish", &outside], &["echo", "started"]);
        assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
        assert!(said.contains("--publish"), "{said}");
        for network in ["none", "host"] {
            let options = ["--publish", &outside, "--network", network];
            assert_eq!(person.run(&options, &["true"]).0, Some(125));
        }
    });
}

/// A proxy confines itself, and then the kernel sends no signal at its death.
#[test]
fn nothing_outlives_one_that_is_killed_while_it_serves() {
    as_everybody("killed", |person| {
        let mut child = person
            .isolate(&["--allow-host", "example.com"], &["sh", "-c", "echo ready; exec sleep 600"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 6]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // The end of what it writes is the end of all who could write.
        assert_eq!(output.read(&mut [0; 9]).unwrap(), 0);
    });
}
