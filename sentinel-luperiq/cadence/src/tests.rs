//! A card that does what a test says, true or not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;

/// Memory that two sides see.
#[derive(Clone, Debug)]
struct Memory {
    at: u64,
    bytes: Rc<RefCell<Vec<u8>>>,
}

impl Memory {
    fn set(&self, offset: usize, bytes: &[u8]) {
        self.bytes.borrow_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn get<const N: usize>(&self, offset: usize) -> [u8; N] {
        self.bytes.borrow()[offset..offset + N].try_into().unwrap()
    }
}

impl Page for Memory {
    fn physical(&self) -> u64 {
        self.at
    }

    fn half(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.get(offset))
    }

    fn word(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.get(offset))
    }

    fn set_half(&mut self, offset: usize, value: u16) {
        self.set(offset, &value.to_le_bytes());
    }

    fn set_word(&mut self, offset: usize, value: u32) {
        self.set(offset, &value.to_le_bytes());
    }

    fn set_long(&mut self, offset: usize, value: u64) {
        self.set(offset, &value.to_le_bytes());
    }

    fn fill(&mut self, offset: usize, bytes: &[u8]) {
        self.set(offset, bytes);
    }

    fn copy_to(&self, offset: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.bytes.borrow()[offset..offset + out.len()]);
    }

    fn barrier(&self) {}
}

/// Registers that say what they were told to say, and keep what was written.
#[derive(Clone, Debug)]
struct Registers {
    says: BTreeMap<usize, u32>,
    written: Rc<RefCell<Vec<(usize, u32)>>>,
}

impl Registers {
    /// As the ZCU102 has it: two queues, addresses of 64 bits.
    fn new() -> Self {
        let says = [(MODULE, 0x4007_0106), (DESIGN_6, DESIGN_LONG | 0b11)];
        let address = [(ADDRESS, 0x0403_0202), (ADDRESS + 4, 0x0605)];
        Self { says: says.into_iter().chain(address).collect(), written: Rc::default() }
    }

    /// What was written to a register last.
    fn last(&self, register: usize) -> Option<u32> {
        let written = self.written.borrow();
        written.iter().rev().find(|(at, _)| *at == register).map(|(_, value)| *value)
    }
}

impl Window for Registers {
    fn read(&self, offset: usize) -> u32 {
        self.says.get(&offset).copied().unwrap_or(0)
    }

    fn write(&self, offset: usize, value: u32) {
        self.written.borrow_mut().push((offset, value));
    }
}

struct Card {
    gem: Gem<Registers, Memory>,
    registers: Registers,
    /// The page of rings, and the pages behind it.
    memory: Vec<Memory>,
}

/// Pages lie beyond the first four gigabytes, so that a half that is lost is seen.
const START: u64 = 0x3_0000_0000;

fn card(registers: Registers) -> Card {
    let mut memory: Vec<Memory> = Vec::new();
    let gem = Gem::new(registers.clone(), || {
        let bytes = Rc::new(RefCell::new(vec![0; 4096]));
        memory.push(Memory { at: START + 4096 * memory.len() as u64, bytes });
        memory.last().cloned()
    });
    Card { gem: gem.unwrap(), registers, memory }
}

impl Card {
    /// The address that stands in a descriptor, without its marks.
    fn target(&self, at: usize) -> u64 {
        let [low, high] = [at, at + 8].map(|place| u64::from(self.memory[0].word(place)));
        high << 32 | low & !3
    }

    /// A frame comes into this place.
    fn arrive(&mut self, place: usize, frame: &[u8], state: u32) {
        let at = INCOMING + WORDS * place;
        assert_eq!(self.memory[0].word(at) & TAKEN, 0, "a place that is not the card's");
        let target = (self.target(at) - START) as usize;
        self.memory[target / 4096].set(target % 4096, frame);
        let taken = self.memory[0].word(at) | TAKEN;
        self.memory[0].set(at, &taken.to_le_bytes());
        self.memory[0].set(at + 4, &state.to_le_bytes());
    }

    fn arrive_whole(&mut self, place: usize, frame: &[u8]) {
        self.arrive(place, frame, frame.len() as u32 | FIRST | LAST_IN);
    }
}

#[test]
fn frames_come_for_ever_and_each_place_is_used_again() {
    let mut card = card(Registers::new());
    let mut out = [0; FRAME_BYTES_MAX];
    for number in 0..5 * SIZE {
        assert!(!card.gem.is_ready());
        let frame = vec![number as u8; 14 + number * 9];
        card.arrive_whole(number % SIZE, &frame);
        assert!(card.gem.is_ready());
        let bytes = card.gem.receive(&mut out).unwrap().unwrap();
        assert_eq!(&out[..bytes], &frame);
        assert_eq!(card.gem.receive(&mut out), Ok(None));
    }
}

#[test]
fn each_place_has_a_room_of_its_own_and_the_last_one_says_so() {
    let card = card(Registers::new());
    let mut rooms: Vec<u64> = Vec::new();
    for place in 0..SIZE {
        let at = INCOMING + WORDS * place;
        rooms.push(card.target(at));
        let word = card.memory[0].word(at);
        assert_eq!((word & TAKEN, word & WRAP_IN != 0), (0, place + 1 == SIZE));
        let state = card.memory[0].word(OUTGOING + WORDS * place + 4);
        assert_eq!((state & SENT, state & WRAP_OUT != 0), (SENT, place + 1 == SIZE));
    }
    let rings = card.memory[0].at;
    assert!(rooms.iter().all(|room| room % 2048 == 0 && *room >= rings + 4096));
    assert!(rooms.windows(2).all(|pair| pair[0] + HALF as u64 == pair[1]));
}

#[test]
fn what_is_no_frame_is_dropped_and_the_next_one_comes() {
    let mut card = card(Registers::new());
    let whole = FIRST | LAST_IN;
    for (place, state) in
        (0..).zip([whole, whole | 13, whole | 1515, whole | 2048, FIRST | 60, LAST_IN | 60])
    {
        card.arrive(place, &[0; 60], state);
    }
    card.arrive_whole(6, &[77; 60]);
    let mut out = [0; FRAME_BYTES_MAX];
    assert_eq!(card.gem.receive(&mut out), Ok(Some(60)));
    assert_eq!(out[..60], [77; 60]);
    assert_eq!(card.gem.receive(&mut out), Ok(None));
}

#[test]
fn a_card_that_says_it_wrote_more_than_there_was_room_is_switched_off() {
    for bytes in [2049, LENGTH] {
        let mut card = card(Registers::new());
        card.arrive(0, &[], bytes | FIRST | LAST_IN);
        assert_eq!(card.gem.receive(&mut [0; FRAME_BYTES_MAX]), Err(Lie));
        assert_eq!(card.registers.last(CONTROL), Some(FORGET_COUNTS), "it runs no more");
        assert!(!card.gem.is_ready());
        assert_eq!(card.gem.receive(&mut [0; FRAME_BYTES_MAX]), Err(Lie));
        assert_eq!(card.gem.send(&[0; 60]), Err(Lie));
    }
}

#[test]
fn an_address_that_the_card_changed_is_not_used() {
    let mut card = card(Registers::new());
    card.arrive_whole(0, &[5; 60]);
    card.memory[0].set(INCOMING, &(0xdead_0000 | TAKEN).to_le_bytes());
    let mut out = [0; FRAME_BYTES_MAX];
    assert_eq!(card.gem.receive(&mut out), Ok(Some(60)));
    assert_eq!(out[..60], [5; 60]);
    assert_eq!(card.target(INCOMING), START + 4096, "it is lent its own room again");
}

#[test]
fn frames_go_until_there_is_no_room_and_room_comes_back() {
    let mut card = card(Registers::new());
    for bytes in [0, 13, 1515, 4096] {
        assert_eq!(card.gem.send(&vec![0; bytes]), Err(Lie), "{bytes}");
    }
    for number in 0..SIZE {
        let frame = vec![number as u8; 60 + number];
        assert_eq!(card.gem.send(&frame), Ok(true));
        let at = OUTGOING + WORDS * number;
        let state = card.memory[0].word(at + 4);
        assert_eq!(
            (state & SENT, state & LENGTH, state & LAST_OUT),
            (0, 60 + number as u32, LAST_OUT)
        );
        assert_eq!(state & WRAP_OUT != 0, number + 1 == SIZE);
        let target = (card.target(at) - START) as usize;
        assert_eq!(card.memory[target / 4096].get::<14>(target % 4096), [number as u8; 14]);
    }
    assert_eq!(card.registers.last(CONTROL), Some(RUNNING | SEND));
    assert_eq!(card.gem.send(&[0; 60]), Ok(false));
    card.memory[0].set(OUTGOING + 4, &(SENT | 60).to_le_bytes());
    assert_eq!(card.gem.send(&[0; 60]), Ok(true));
    assert_eq!(card.gem.send(&[0; 60]), Ok(false));
}

#[test]
fn a_card_without_a_place_looks_again_when_there_is_one() {
    let mut registers = Registers::new();
    registers.says.insert(RECEIVE_STATUS, NO_PLACE);
    let mut card = card(registers);
    card.arrive_whole(0, &[1; 60]);
    card.registers.written.borrow_mut().clear();
    assert_eq!(card.gem.receive(&mut [0; FRAME_BYTES_MAX]), Ok(Some(60)));
    let written = card.registers.written.borrow().clone();
    assert_eq!(written, [(RECEIVE_STATUS, NO_PLACE), (CONTROL, RUNNING)]);
}

#[test]
fn queues_that_nothing_is_put_into_have_no_place() {
    let card = card(Registers::new());
    let rings = card.memory[0].at as u32;
    let receive = card.registers.last(QUEUE_RECEIVE).unwrap();
    let send = card.registers.last(QUEUE_SEND).unwrap();
    assert_ne!(card.memory[0].word((receive - rings) as usize) & TAKEN, 0);
    assert_ne!(card.memory[0].word((send - rings) as usize + 4) & SENT, 0);
    assert_eq!(card.registers.last(QUEUE_RECEIVE + 4), None, "it has two queues");
    assert_eq!(card.registers.last(RECEIVE_UPPER), Some(3));
    assert_eq!(card.registers.last(SEND_UPPER), Some(3));
}

#[test]
fn another_card_and_one_with_short_addresses_are_left_alone() {
    for (register, says) in [(MODULE, 0), (MODULE, 0x0001_0100), (DESIGN_6, 0b11)] {
        let mut registers = Registers::new();
        registers.says.insert(register, says);
        let written = registers.written.clone();
        assert!(Gem::new(registers, || None::<Memory>).is_none());
        assert!(written.borrow().is_empty());
    }
}

#[test]
fn an_address_that_is_none_is_replaced() {
    assert_eq!(card(Registers::new()).gem.address(), [2, 2, 3, 4, 5, 6]);
    for (low, high) in [(0x0403_0201, 0x0605), (0, 0)] {
        let mut registers = Registers::new();
        registers.says.extend([(ADDRESS, low), (ADDRESS + 4, high)]);
        let card = card(registers);
        assert_eq!(card.gem.address(), OWN_ADDRESS);
        let written = [ADDRESS, ADDRESS + 4].map(|at| card.registers.last(at).unwrap());
        assert_eq!(written.map(u32::to_le_bytes).as_flattened()[..6], OWN_ADDRESS);
    }
}

/// Goal: nothing that the card writes makes the driver do anything but refuse. Method: words of the
/// rings are overwritten at random, whole marks more often than noise, while frames come and go.
#[test]
fn whatever_stands_in_the_rings_the_driver_goes_on_or_refuses() {
    let mut state = 0x5eed_u64;
    let mut draw = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut refused = 0;
    for _ in 0..400 {
        let mut card = card(Registers::new());
        for _ in 0..400 {
            for _ in 0..draw() % 8 {
                let at = (draw() % 1024 * 4) as usize;
                let marks = [TAKEN, SENT, FIRST | LAST_IN | 60, LENGTH, draw() as u32];
                let mark = marks[draw() as usize % marks.len()];
                let word = if draw() % 2 == 0 { mark } else { mark | TAKEN };
                card.memory[0].set(at, &word.to_le_bytes());
            }
            let mut out = [0; FRAME_BYTES_MAX];
            match card.gem.receive(&mut out) {
                Ok(Some(bytes)) => assert!((FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&bytes)),
                Ok(None) => {}
                Err(Lie) => {
                    refused += 1;
                    assert_eq!(card.registers.last(CONTROL), Some(FORGET_COUNTS));
                    break;
                }
            }
            assert!(card.gem.send(&[1; 60]).is_ok());
        }
    }
    assert!(refused > 0, "nothing was ever refused: no test");
}
