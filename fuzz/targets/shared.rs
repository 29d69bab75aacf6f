//! What the targets of incremental parsers share.

/// The bytes in pieces: each cut is one less than the size of the next piece; what is left when the
/// cuts run out is the last.
pub fn pieces<'b>(mut rest: &'b [u8], cuts: &[u8]) -> impl Iterator<Item = &'b [u8]> {
    let mut cuts = cuts.iter();
    std::iter::from_fn(move || {
        let size = cuts.next().map_or(rest.len(), |cut| usize::from(*cut) + 1).min(rest.len());
        let (piece, tail) = rest.split_at(size);
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}
