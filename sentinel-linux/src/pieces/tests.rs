//! Goal: nobody ever has memory that somebody else has, and what was written stays. Method: all
//! sizes, and many pieces asked for, filled, changed and returned in an order drawn from a seed.

use super::*;

#[test]
fn each_size_holds_what_is_asked_for_and_is_not_a_quarter_too_long() {
    for bytes in 1..=SMALL_BYTES_MAX {
        let size = size(bytes, 8).unwrap();
        assert!(size < SIZES_COUNT && bytes_of(size) >= bytes, "{bytes}");
        assert!(size == 0 || bytes_of(size - 1) < bytes, "{bytes} fits into a shorter one");
        assert!(bytes_of(size) - bytes <= STEP.max(bytes / 4), "{bytes}");
        assert_eq!(bytes_of(size) % STEP, 0, "{bytes}");
    }
    assert_eq!((size(0, 1), size(SMALL_BYTES_MAX + 1, 1), size(8, STEP * 2)), (None, None, None));
}

#[test]
fn a_piece_that_came_back_is_the_next_of_its_size() {
    let pieces = Pieces::new();
    let layout = Layout::new::<[u64; 5]>();
    // SAFETY: none of them is used after it was given back, and each with its own layout.
    unsafe {
        let (first, second) = (pieces.alloc(layout), pieces.alloc(layout));
        assert_eq!(first.addr().abs_diff(second.addr()), 48);
        pieces.dealloc(first, layout);
        assert_eq!(pieces.alloc_zeroed(Layout::new::<[u64; 6]>()), first);
        assert_eq!(*first.cast::<[u64; 6]>(), [0; 6], "what was kept there is gone");
        assert_eq!(pieces.realloc(second, layout, 41), second, "there was room for it");
    }
}

/// One that is in use: where it is, and the byte it was filled with.
struct Used {
    piece: *mut u8,
    layout: Layout,
    sign: u8,
}

impl Used {
    fn check(&self, bytes: usize) {
        assert_eq!(self.piece.addr() % self.layout.align(), 0);
        // SAFETY: it is in use, this long at least, and was written from beginning to end.
        let content = unsafe { std::slice::from_raw_parts(self.piece, bytes) };
        assert!(content.iter().all(|byte| *byte == self.sign), "somebody else wrote there");
    }

    fn fill(&self) {
        // SAFETY: it is in use, and this long.
        unsafe { self.piece.write_bytes(self.sign, self.layout.size()) };
    }
}

#[test]
fn nobody_gets_what_somebody_has() {
    let pieces = Pieces::new();
    let mut used: Vec<Used> = Vec::new();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % 0xffff_fff1).unwrap() % below
    };
    for round in 0..40_000_usize {
        let bytes_max = [32, 300, 5000, 70_000][draw(4)];
        let bytes = 1 + draw(bytes_max);
        match draw(5) {
            0 | 1 => {
                let layout = Layout::from_size_align(bytes, 1 << draw(7)).unwrap();
                // SAFETY: it is asked for some bytes.
                let piece = unsafe { pieces.alloc(layout) };
                let one = Used { piece, layout, sign: round.to_le_bytes()[0] };
                one.fill();
                used.push(one);
            }
            2 if !used.is_empty() => {
                let one = used.len() - 1 - draw(used.len());
                let one = &mut used[one];
                one.check(one.layout.size());
                let kept = bytes.min(one.layout.size());
                // SAFETY: it is in use, of this layout, and nothing else leads there.
                one.piece = unsafe { pieces.realloc(one.piece, one.layout, bytes) };
                one.layout = Layout::from_size_align(bytes, one.layout.align()).unwrap();
                one.check(kept);
                one.fill();
            }
            _ if !used.is_empty() => {
                let one = used.swap_remove(draw(used.len()));
                one.check(one.layout.size());
                // SAFETY: it was in use, and is not any more.
                unsafe { pieces.dealloc(one.piece, one.layout) };
            }
            _ => {}
        }
    }
    for one in used {
        one.check(one.layout.size());
        // SAFETY: as above.
        unsafe { pieces.dealloc(one.piece, one.layout) };
    }
}

#[test]
fn threads_share_it() {
    let pieces = Pieces::new();
    let layout = Layout::new::<[u64; 4]>();
    std::thread::scope(|scope| {
        for sign in 0..4_u64 {
            let pieces = &pieces;
            scope.spawn(move || {
                for round in 0..20_000 {
                    // SAFETY: it is used by this thread alone, and given back once.
                    unsafe {
                        let piece = pieces.alloc(layout).cast::<[u64; 4]>();
                        piece.write([sign, round, sign, round]);
                        assert_eq!(piece.read(), [sign, round, sign, round]);
                        pieces.dealloc(piece.cast(), layout);
                    }
                }
            });
        }
    });
}
