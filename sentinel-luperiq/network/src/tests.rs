//! The stack on a wire that a test writes: a host that keeps to the protocols, and strangers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::rc::Rc;

use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::wire::ConnectHeader;
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use crate::limits::{CONNECT_MILLISECONDS, CONNECTIONS_MAX};
use crate::settings::Settings;
use crate::stack::{Line, Stack};
use crate::wire::{FRAME_BYTES, Wire};

type Frames = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of a wire.
#[derive(Clone, Debug, Default)]
struct End {
    comes: Frames,
    goes: Frames,
}

impl End {
    fn other(&self) -> Self {
        Self { comes: Rc::clone(&self.goes), goes: Rc::clone(&self.comes) }
    }
}

impl Wire for End {
    fn receive(&mut self, frame: &mut [u8; FRAME_BYTES]) -> Option<usize> {
        let found = self.comes.borrow_mut().pop_front()?;
        frame[..found.len()].copy_from_slice(&found);
        Some(found.len())
    }

    fn send(&mut self, frame: &[u8]) {
        self.goes.borrow_mut().push_back(frame.to_vec());
    }
}

/// The same wire for the host at the other end.
struct Host(End);

struct Came(Vec<u8>);

struct Goes<'a>(&'a End);

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.goes.borrow_mut().push_back(frame);
        result
    }
}

impl Device for Host {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Came, Goes<'_>)> {
        let frame = self.0.comes.borrow_mut().pop_front()?;
        Some((Came(frame), Goes(&self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Goes<'_>> {
        Some(Goes(&self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities
    }
}

/// What a program and its line have.
#[derive(Debug, Default)]
struct Program {
    says: VecDeque<Vec<u8>>,
    heard: Vec<Vec<u8>>,
    /// It let go of its socket.
    is_gone: bool,
    /// It takes nothing.
    is_full: bool,
    /// The stack let go of the line.
    is_over: bool,
    /// What comes on the wire when the stack next looks at this line.
    brings: Option<(Frames, Vec<Vec<u8>>)>,
}

#[derive(Debug)]
struct Fake(Rc<RefCell<Program>>);

impl Line for Fake {
    fn read(&mut self) -> Result<Vec<u8>, Error> {
        let mut program = self.0.borrow_mut();
        if let Some((wire, frames)) = program.brings.take() {
            wire.borrow_mut().extend(frames);
        }
        let nothing = if program.is_gone { Error::PeerClosed } else { Error::NotReady };
        program.says.pop_front().ok_or(nothing)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut program = self.0.borrow_mut();
        match (program.is_gone, program.is_full) {
            (true, _) => Err(Error::PeerClosed),
            (_, true) => Err(Error::NotReady),
            _ => {
                program.heard.push(bytes.to_vec());
                Ok(())
            }
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.0.borrow_mut().is_over = true;
    }
}

struct World {
    stack: Stack<End, Fake>,
    host: Interface,
    wire: Host,
    sockets: SocketSet<'static>,
    now: u64,
}

const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A machine at 10.0.0.1, and a host at 10.0.0.2 that listens with so many sockets.
fn world(listening: usize) -> World {
    let end = End::default();
    let mut wire = Host(end.other());
    let words = ["address=10.0.0.1/24", "host=there.test=10.0.0.2", "host=nobody.test=10.0.0.9"];
    let settings = Settings::parse(words).unwrap();
    let mut seed = 1_u64;
    let random = Box::new(move |room: &mut [u8]| {
        room.fill_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        });
    });
    let address = HardwareAddress::Ethernet(EthernetAddress(THEIRS));
    let mut host = Interface::new(Config::new(address), &mut wire, Instant::ZERO);
    host.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(Ipv4Addr::new(10, 0, 0, 2).into(), 24)).unwrap();
    });
    let mut sockets = SocketSet::new(Vec::new());
    for _ in 0..listening {
        let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.listen(80).unwrap();
        sockets.add(socket);
    }
    World { stack: Stack::new(end, OURS, settings, random), host, wire, sockets, now: 1 }
}

impl World {
    fn ask(&mut self, host: &str) -> Rc<RefCell<Program>> {
        let header = ConnectHeader { process: 1, job: 1, port: 80, protocol: 1, reserved: 0 };
        let program = Rc::<RefCell<Program>>::default();
        let request = [&header.encode()[..], host.as_bytes()].concat();
        self.stack.ask(self.now, &request, Fake(Rc::clone(&program)));
        program
    }

    /// Lets both sides work for a while; the host sends back what it is sent.
    fn go_on(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += 1;
            self.stack.poll(self.now);
            self.host.poll(
                Instant::from_millis(self.now as i64),
                &mut self.wire,
                &mut self.sockets,
            );
            for (_, socket) in self.sockets.iter_mut() {
                let smoltcp::socket::Socket::Tcp(socket) = socket else { continue };
                while socket.can_recv() && socket.can_send() {
                    let mut room = [0; 512];
                    let space = (socket.send_capacity() - socket.send_queue()).min(512);
                    let count = socket.recv_slice(&mut room[..space]).unwrap();
                    assert_eq!(socket.send_slice(&room[..count]), Ok(count));
                }
                if !socket.may_recv() && socket.may_send() && !socket.can_recv() {
                    socket.close();
                }
            }
        }
    }
}

#[test]
fn bytes_go_and_come_back_and_the_end_is_told_both_ways() {
    let mut world = world(1);
    let program = world.ask("there.test");
    world.go_on(20);
    assert_eq!(program.borrow().heard, [vec![0; 4]], "it is connected");
    let pieces: Vec<Vec<u8>> = (0..40_u8).map(|place| vec![place; 8000]).collect();
    program.borrow_mut().says.extend(pieces.iter().cloned());
    program.borrow_mut().says.push_back(Vec::new());
    world.go_on(3000);
    let heard = program.borrow().heard[1..].concat();
    assert_eq!(heard.len(), 320_000);
    assert!(heard == pieces.concat());
    assert_eq!(program.borrow().heard.last(), Some(&Vec::new()), "no more come");
    assert!(program.borrow().is_over);
    assert_eq!(world.stack.count(), 0);
}

/// That a connection is there came while programs were told of other things: else it would be
/// noticed when something else comes, which is the next sign of life, five seconds later.
#[test]
fn what_comes_while_programs_are_told_is_told_at_once() {
    let mut world = world(1);
    let program = world.ask("there.test");
    let held = loop {
        world.go_on(1);
        let mut frames = world.wire.0.goes.borrow_mut();
        // An answer of IPv4, which is the host's to the question for a connection.
        if frames.iter().any(|frame| frame[12..14] == [8, 0]) {
            break frames.drain(..).collect();
        }
    };
    assert!(program.borrow().heard.is_empty());
    program.borrow_mut().brings = Some((Rc::clone(&world.wire.0.goes), held));
    world.now += 1;
    world.stack.poll(world.now);
    assert!(program.borrow().heard.is_empty(), "it was looked at before");
    assert_eq!(world.stack.due(world.now), Some(world.now));
    world.stack.poll(world.now);
    assert_eq!(program.borrow().heard, [vec![0; 4]], "it is connected");
    world.stack.poll(world.now);
    assert_ne!(world.stack.due(world.now), Some(world.now), "and then it is quiet");
}

#[test]
fn who_takes_nothing_holds_up_the_host_and_nobody_else() {
    let mut world = world(2);
    let (slow, other) = (world.ask("there.test"), world.ask("there.test"));
    world.go_on(20);
    slow.borrow_mut().is_full = true;
    for program in [&slow, &other] {
        program.borrow_mut().says.extend(vec![vec![7; 8000]; 30]);
    }
    world.go_on(2000);
    let heard = |program: &Rc<RefCell<Program>>| program.borrow().heard[1..].concat().len();
    assert_eq!((heard(&slow), heard(&other)), (0, 240_000));
    assert!(!slow.borrow().says.is_empty(), "what it sends waits with it");
    slow.borrow_mut().is_full = false;
    world.go_on(3000);
    assert_eq!(heard(&slow), 240_000);
}

#[test]
fn what_is_not_there_is_told_and_late_is_late() {
    let mut world = world(0);
    // Nobody listens; nobody is there; no name, and nobody to ask for one; no name at all.
    let programs =
        ["there.test", "nobody.test", "elsewhere.test", "a..b"].map(|host| world.ask(host));
    world.go_on(CONNECT_MILLISECONDS + 100);
    let errors = [Error::Unreachable, Error::TimedOut, Error::TimedOut, Error::NotFound];
    for (program, error) in programs.iter().zip(errors) {
        let said = u32::from(error.number()).to_le_bytes().to_vec();
        assert_eq!(program.borrow().heard, [said], "{error:?}");
        assert!(program.borrow().is_over);
    }
    assert_eq!(world.stack.count(), 0);
    for request in [&[][..], &[0; 8], &[0xff; 30]] {
        let program = Rc::<RefCell<Program>>::default();
        world.stack.ask(0, request, Fake(Rc::clone(&program)));
        assert!(program.borrow().is_over);
        assert_ne!(program.borrow().heard, [vec![0; 4]]);
    }
}

#[test]
fn connections_are_bounded_and_go_when_their_programs_do() {
    let mut world = world(CONNECTIONS_MAX);
    let programs: Vec<_> = (0..=CONNECTIONS_MAX).map(|_| world.ask("there.test")).collect();
    world.go_on(300);
    assert_eq!(world.stack.count(), CONNECTIONS_MAX);
    let said = |place: usize| programs[place].borrow().heard[0].clone();
    assert_eq!(said(CONNECTIONS_MAX), u32::from(Error::Limit.number()).to_le_bytes());
    assert!((0..CONNECTIONS_MAX).all(|place| said(place) == [0; 4]));
    for program in &programs {
        program.borrow_mut().is_gone = true;
    }
    world.go_on(500);
    assert_eq!(world.stack.count(), 0);
    // One that goes before there is an answer.
    let program = world.ask("nobody.test");
    program.borrow_mut().is_gone = true;
    world.go_on(5);
    assert_eq!(world.stack.count(), 0);
}

/// A frame from a stranger's address with an IPv4 packet that asks for a connection.
fn syn(number: u32) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend((0x0a00_0000 | (number & 0xff).max(3)).to_be_bytes());
    packet.extend([10, 0, 0, 1]);
    let sum = |bytes: &[u8], start: u32| {
        let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let mut sum: u32 = words.sum::<u32>() + start;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    };
    let head = sum(&packet, 0).to_be_bytes();
    packet[10..12].copy_from_slice(&head);
    let ports = ((number >> 8) as u16, number as u16);
    let mut segment = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    segment.extend(number.wrapping_mul(2_654_435_761).to_be_bytes());
    segment.extend([0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    let both: u32 = packet[12..20]
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let check = sum(&segment, both + 6 + 20).to_be_bytes();
    segment[16..18].copy_from_slice(&check);
    [&OURS[..], &[2, 9, 9, 9, 9, 9], &[8, 0], &packet, &segment].concat()
}

#[test]
fn strangers_make_no_connection_and_keep_nobody_from_theirs() {
    let mut world = world(1);
    let program = world.ask("there.test");
    world.go_on(20);
    for turn in 0..50 {
        let mut comes = world.wire.0.goes.borrow_mut();
        comes.extend((0..500).map(|place| syn(turn * 500 + place)));
        drop(comes);
        program.borrow_mut().says.push_back(vec![turn as u8; 100]);
        world.go_on(1);
        assert_eq!(world.stack.count(), 1);
        // What waits on the wire is no memory of the stack's: the card loses what is too much.
        world.wire.0.goes.borrow_mut().truncate(32);
    }
    world.go_on(5000);
    let heard = program.borrow().heard[1..].concat();
    assert_eq!(heard.len(), 50 * 100);
    assert!(heard.chunks(100).enumerate().all(|(turn, piece)| piece == [turn as u8; 100]));
}

#[test]
fn frames_of_any_length_and_content_are_survived() {
    let mut state = 1_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut world = world(1);
    let program = world.ask("there.test");
    world.go_on(20);
    // What the host said so far, to be cut and changed.
    program.borrow_mut().says.push_back(vec![1; 3000]);
    let mut models = vec![syn(1)];
    for _ in 0..30 {
        world.now += 1;
        world.stack.poll(world.now);
        let at = Instant::from_millis(world.now as i64);
        world.host.poll(at, &mut world.wire, &mut world.sockets);
        models.extend(world.wire.0.goes.borrow().iter().cloned());
    }
    for _ in 0..10_000 {
        let mut frame = models[next() as usize % models.len()].clone();
        match next() % 4 {
            0 => frame.truncate(14 + next() as usize % frame.len()),
            1 => frame.resize(14 + next() as usize % (FRAME_BYTES - 14), next() as u8),
            _ => {}
        }
        for _ in 0..next() % 4 {
            let place = next() as usize % frame.len();
            frame[place] = next() as u8;
        }
        world.wire.0.goes.borrow_mut().push_back(frame);
        if next() % 16 == 0 {
            world.now += 1;
            world.stack.poll(world.now);
            world.wire.0.comes.borrow_mut().clear();
        }
        assert!(world.stack.count() <= 1);
    }
}
