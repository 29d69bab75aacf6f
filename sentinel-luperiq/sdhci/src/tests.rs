//! A controller and a card that do what their specifications say, or what a test says instead.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use luperiq_store::Store;

use super::*;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    NoCard,
    NoClock,
    NoReset,
    /// It does not know the command that cards of more than 2 GB know.
    Old,
    /// It counts in bytes.
    Small,
    NeverReady,
    /// Its description is of the first version.
    OtherDescription,
    /// So many transfers end with a wrong sum.
    Sums(u32),
    /// Data never comes or is never taken.
    Silent,
    /// It takes data and says that it could not write it.
    NotWritten,
    /// It is never done with what it took.
    Busy,
}

/// A transfer that is under way.
#[derive(Debug)]
struct Transfer {
    is_write: bool,
    sector: u32,
    left: u32,
    word: usize,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    sectors: u64,
    kept: BTreeMap<u32, [u8; SECTOR_BYTES]>,
    registers: BTreeMap<usize, u32>,
    status: u32,
    answer: [u32; 4],
    is_own: bool,
    asked: u32,
    is_selected: bool,
    transfer: Option<Transfer>,
    commands: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Model(Rc<RefCell<State>>);

impl Model {
    fn new(sectors: u64, fault: Fault) -> Self {
        Self(Rc::new(RefCell::new(State {
            fault,
            sectors,
            kept: BTreeMap::new(),
            registers: BTreeMap::new(),
            status: 0,
            answer: [0; 4],
            is_own: false,
            asked: 0,
            is_selected: false,
            transfer: None,
            commands: Vec::new(),
        })))
    }

    fn commands(&self) -> usize {
        self.0.borrow().commands.len()
    }

    fn card(&self) -> Result<Card<Self>, Failed> {
        Card::new(self.clone(), now)
    }
}

thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });

/// Each look at the clock takes ten microseconds.
fn now() -> u64 {
    NOW.with(|now| {
        now.set(now.get() + 10_000);
        now.get()
    })
}

impl State {
    /// What the clock of the card is, in hertz.
    fn clock(&self) -> u32 {
        let value = self.registers.get(&0x2c).copied().unwrap_or(0);
        let half = (value >> 8 & 0xff) | (value >> 6 & 3) << 8;
        if value & 4 == 0 { 0 } else { 200_000_000 / (2 * half).max(1) }
    }

    fn fail(&mut self) {
        self.status |= 1 << 15 | 1 << 16;
    }

    fn command(&mut self, value: u32) {
        let (number, argument) = (value >> 24 & 0x3f, self.registers[&8]);
        self.commands.push(number);
        assert_ne!(self.clock(), 0, "a command without a clock");
        assert_eq!(self.registers[&0x28] >> 8 & 0xff, 0xf, "a command without power");
        if self.fault == Fault::NoCard && number != 0 {
            return self.fail();
        }
        let (kind, is_own) = (value >> 16 & 0x3f, core::mem::take(&mut self.is_own));
        let expected = match number {
            0 => 0,
            2 | 9 => 0x09,
            7 | 12 => 0x1b,
            18 | 25 => 0x3a,
            41 => 0x02,
            _ => 0x1a,
        };
        assert_eq!(kind, expected, "command {number} is answered otherwise");
        self.answer = [0; 4];
        match number {
            0 => (self.is_selected, self.asked) = (false, 0),
            8 if self.fault == Fault::Old => return self.fail(),
            8 => self.answer[0] = argument,
            55 => self.is_own = true,
            41 => {
                assert!(is_own && argument & 1 << 30 != 0);
                self.asked += 1;
                let is_ready = self.asked > 3 && self.fault != Fault::NeverReady;
                let is_large = self.fault != Fault::Small;
                self.answer[0] =
                    u32::from(is_ready) << 31 | u32::from(is_large) << 30 | 0x00ff_8000;
            }
            2 => assert!(self.clock() <= 400_000, "a card hears only slow clocks at first"),
            3 => self.answer[0] = 0x1234_0500,
            9 => {
                assert_eq!(argument, 0x1234_0000);
                let count = (self.sectors / 1024 - 1) as u32;
                self.answer[1] = count << 8;
                self.answer[3] = if self.fault == Fault::OtherDescription { 0 } else { 1 << 22 };
            }
            7 => {
                assert_eq!(argument, 0x1234_0000);
                self.is_selected = true;
                self.status |= 2;
            }
            6 => assert!(is_own && argument == 2),
            12 => {
                self.transfer = None;
                self.status |= 2;
            }
            13 => {
                assert_eq!(argument, 0x1234_0000);
                self.answer[0] = match self.fault {
                    Fault::NotWritten => 0x900 | 1 << 26,
                    Fault::Busy => 7 << 9,
                    _ => 0x900,
                };
            }
            18 | 25 => {
                assert!(self.is_selected && self.clock() == 25_000_000);
                assert_eq!(self.registers[&0x28] & 2, 2, "four lines");
                assert_eq!(value & 0xffff, if number == 18 { 0x36 } else { 0x26 });
                let blocks = self.registers[&4];
                assert_eq!(blocks & 0xffff, 512);
                let (is_write, left) = (number == 25, blocks >> 16);
                assert!(u64::from(argument) + u64::from(left) <= self.sectors && left > 0);
                self.transfer = Some(Transfer { is_write, sector: argument, left, word: 0 });
                self.offer();
            }
            _ => panic!("a command nobody knows: {number}"),
        }
        self.status |= 1;
    }

    /// The next block can be moved, or all of them were.
    fn offer(&mut self) {
        let Some(transfer) = &self.transfer else { return };
        if transfer.left == 0 {
            self.transfer = None;
            if let Fault::Sums(count @ 1..) = self.fault {
                self.fault = Fault::Sums(count - 1);
                return self.fail();
            }
            self.status |= 2;
        } else if self.fault != Fault::Silent {
            self.status |= if transfer.is_write { 1 << 4 } else { 1 << 5 };
        }
    }

    /// One word of the transfer: where it stands.
    fn word(&mut self, is_write: bool) -> (u32, usize) {
        let ready = if is_write { 1 << 4 } else { 1 << 5 };
        assert_eq!(self.status & ready, 0, "the sign is taken back before the words are moved");
        let transfer = self.transfer.as_mut().unwrap();
        assert_eq!(transfer.is_write, is_write);
        let place = (transfer.sector, transfer.word * 4);
        transfer.word += 1;
        if transfer.word == SECTOR_BYTES / 4 {
            (transfer.word, transfer.sector) = (0, transfer.sector + 1);
            transfer.left -= 1;
            self.offer();
        }
        place
    }
}

impl Window for Model {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.0.borrow_mut();
        match offset {
            0x10..0x20 => state.answer[(offset - 0x10) / 4],
            0x20 => {
                let (sector, at) = state.word(false);
                let bytes = state.kept.get(&sector).copied().unwrap_or([0; SECTOR_BYTES]);
                u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
            }
            0x24 => 0,
            0x2c => {
                let value = state.registers.get(&0x2c).copied().unwrap_or(0);
                let is_steady = value & 1 != 0 && state.fault != Fault::NoClock;
                value | u32::from(is_steady) << 1
            }
            0x30 => state.status,
            // 200 megahertz.
            0x40 => 200 << 8,
            _ => panic!("register {offset:#x} is read"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.0.borrow_mut();
        match offset {
            0x20 => {
                let (sector, at) = state.word(true);
                let bytes = state.kept.entry(sector).or_insert([0; SECTOR_BYTES]);
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                return;
            }
            0x30 => state.status &= !value,
            0x0c => state.command(value),
            0x2c => {
                let resets = value >> 24;
                if resets & 1 != 0 {
                    state.registers.clear();
                }
                if resets & 5 != 0 {
                    state.transfer = None;
                }
                let left = if state.fault == Fault::NoReset { value } else { value & !(7 << 24) };
                state.registers.insert(offset, if resets & 1 != 0 { left & 7 << 24 } else { left });
                return;
            }
            0x38 => assert_eq!(value, 0, "nobody is interrupted"),
            0x04 | 0x08 | 0x28 | 0x34 => {}
            _ => panic!("register {offset:#x} is written"),
        }
        state.registers.insert(offset, value);
    }
}

const SECTORS: u64 = 8 << 20;

#[test]
fn bytes_go_there_and_come_back() {
    let model = Model::new(SECTORS, Fault::None);
    let mut card = model.card().unwrap();
    assert_eq!(card.sectors(), SECTORS);
    let bytes: Vec<u8> = (0..300 * SECTOR_BYTES).map(|at| (at * 7 / 3) as u8).collect();
    card.write(1000, &bytes).unwrap();
    card.flush().unwrap();
    let mut back = vec![0; bytes.len()];
    card.read(1000, &mut back).unwrap();
    assert!(bytes == back);
    assert_eq!(model.0.borrow().kept.len(), 300, "and nothing beside it");
    // The last sector.
    card.write(SECTORS - 1, &bytes[..SECTOR_BYTES]).unwrap();
    card.read(SECTORS - 1, &mut back[..SECTOR_BYTES]).unwrap();
    assert_eq!(back[..SECTOR_BYTES], bytes[..SECTOR_BYTES]);
}

#[test]
fn what_is_not_on_the_card_is_not_asked_of_it() {
    let model = Model::new(SECTORS, Fault::None);
    let mut card = model.card().unwrap();
    let before = model.commands();
    for (sector, bytes) in [(SECTORS, 512), (SECTORS - 1, 1024), (u64::MAX, 512), (0, 100)] {
        assert_eq!(card.read(sector, &mut vec![0; bytes]), Err(Failed), "{sector}");
        assert_eq!(card.write(sector, &vec![0; bytes]), Err(Failed), "{sector}");
    }
    assert_eq!(model.commands(), before);
    assert!(card.read(0, &mut [0; 512]).is_ok(), "and it is not broken by that");
}

#[test]
fn no_card_or_one_that_is_not_known_is_none() {
    for fault in [
        Fault::NoCard,
        Fault::NoClock,
        Fault::NoReset,
        Fault::Old,
        Fault::Small,
        Fault::NeverReady,
        Fault::OtherDescription,
    ] {
        assert!(Model::new(SECTORS, fault).card().is_err(), "{fault:?}");
    }
    let largest = (1 << 22) * 1024;
    assert_eq!(Model::new(largest, Fault::None).card().unwrap().sectors(), largest);
}

#[test]
fn a_wrong_sum_is_tried_again_and_three_are_the_end() {
    for (sums, is_well) in [(1, true), (2, true), (3, false)] {
        let model = Model::new(SECTORS, Fault::None);
        let mut card = model.card().unwrap();
        model.0.borrow_mut().fault = Fault::Sums(sums);
        assert_eq!(card.write(5, &[7; 1024]).is_ok(), is_well, "{sums}");
        let before = model.commands();
        assert_eq!(card.read(5, &mut [0; 512]).is_ok(), is_well);
        assert_eq!(card.flush().is_ok(), is_well);
        assert_eq!(model.commands() > before, is_well, "a broken card is not asked again");
    }
}

#[test]
fn a_card_that_does_not_do_what_it_is_told_has_failed() {
    for fault in [Fault::Silent, Fault::NotWritten, Fault::Busy, Fault::NoCard] {
        let model = Model::new(SECTORS, Fault::None);
        let mut card = model.card().unwrap();
        model.0.borrow_mut().fault = fault;
        assert_eq!(card.write(0, &[1; 512]), Err(Failed), "{fault:?}");
        assert_eq!(card.flush(), Err(Failed));
    }
}

/// A table of partitions: kind, start, sectors.
fn table(rows: &[(u8, u32, u32)]) -> [u8; SECTOR_BYTES] {
    let mut head = [0; SECTOR_BYTES];
    for (place, (kind, start, sectors)) in (446..).step_by(16).zip(rows) {
        head[place + 4] = *kind;
        head[place + 8..place + 12].copy_from_slice(&start.to_le_bytes());
        head[place + 12..place + 16].copy_from_slice(&sectors.to_le_bytes());
    }
    head[510..].copy_from_slice(&[0x55, 0xaa]);
    head
}

#[test]
fn the_partition_of_data_is_found_and_never_left() {
    let found = |head: [u8; SECTOR_BYTES]| {
        let model = Model::new(SECTORS, Fault::None);
        model.0.borrow_mut().kept.insert(0, head);
        Partition::find(model.card().unwrap()).unwrap()
    };
    let mut part = found(table(&[(0x0c, 2048, 1000), (0xda, 4096, 64), (0xda, 1, 9)])).unwrap();
    assert_eq!(part.sectors(), 64);
    part.write(63, &[3; 512]).unwrap();
    let mut back = [0; 512];
    part.read(63, &mut back).unwrap();
    assert_eq!(back, [3; 512]);
    for (sector, bytes) in [(64, 512), (63, 1024), (u64::MAX, 512), (0, 511)] {
        assert_eq!(part.write(sector, &vec![0; bytes]), Err(Failed), "{sector} {bytes}");
        assert_eq!(part.read(sector, &mut vec![0; bytes]), Err(Failed), "{sector} {bytes}");
    }
    let fourth = table(&[(0, 0, 0), (0, 0, 0), (0, 0, 0), (0xda, 8, 1)]);
    assert_eq!(found(fourth).unwrap().sectors(), 1);
    let all = table(&[(0xda, 1, (SECTORS - 1) as u32)]);
    assert_eq!(found(all).unwrap().sectors(), SECTORS - 1);
    for rows in [
        &[][..],
        &[(0x0c, 2048, 1000)],
        &[(0xda, 0, 100)],
        &[(0xda, 1, SECTORS as u32)],
        &[(0xda, u32::MAX, u32::MAX)],
    ] {
        assert!(found(table(rows)).is_none(), "{rows:?}");
    }
    let mut unmarked = table(&[(0xda, 4096, 64)]);
    unmarked[511] = 0;
    assert!(found(unmarked).is_none());
}

#[test]
fn a_store_on_a_card_is_there_at_the_next_start() {
    let model = Model::new(SECTORS, Fault::None);
    let head = table(&[(0x0c, 2048, 4096), (0xda, 8192, 1 << 16)]);
    model.0.borrow_mut().kept.insert(0, head);
    let mount = || Store::mount(Partition::find(model.card().unwrap()).unwrap().unwrap()).unwrap();
    let mut store = mount();
    store.log_append(b"a record").unwrap();
    store.commit().unwrap();
    assert_eq!(mount().log_bytes(), 8);
    let kept = &model.0.borrow().kept;
    let outside = kept.keys().filter(|at| !(8192..8192 + (1 << 16)).contains(*at));
    assert_eq!(outside.copied().collect::<Vec<_>>(), [0], "nothing else is written");
}
