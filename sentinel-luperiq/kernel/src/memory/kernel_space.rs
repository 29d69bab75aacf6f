//! What the kernel sees: its image by the section, all of memory, its devices; nothing else.
//!
//! # Invariants
//! - Code and constants are read-only wherever they are seen: the window onto memory leaves the
//!   image out.
//! - Before, between and behind the stacks lie pages that are not mapped.

use super::frame::Frames;
use super::layout::{Image, PAGE, PHYSICAL_END, direct};
use super::table::{Access, NoFrame, Tree};
use luperiq_broadcom::pcie;
use luperiq_formats::tree::Machine;

/// Builds the kernel's tables. `image` is where the image is, `end` behind it and its archive.
pub(crate) fn build(
    frames: &mut Frames,
    machine: &Machine<'_>,
    image: u64,
    end: u64,
) -> Result<Tree, NoFrame> {
    let mut tree = Tree::new(frames).ok_or(NoFrame)?;
    let linked = Image::linked();
    let sections = [
        (linked.text, Access::KernelExecute),
        (linked.rodata, Access::KernelRead),
        (linked.data, Access::KernelWrite),
        (linked.stack, Access::KernelWrite),
        (linked.fatal_stack, Access::KernelWrite),
    ];
    for ((start, stop), access) in sections {
        let physical = image + (start - linked.text.0);
        let bytes = (stop - start).next_multiple_of(PAGE);
        tree.map(frames, start, physical, bytes, access)?;
    }
    for (start, bytes) in machine.memory.iter() {
        let (start, stop) = (start.next_multiple_of(PAGE), (start + bytes) / PAGE * PAGE);
        let image_end = image + (linked.end - linked.text.0);
        // Before the image, and behind it; the archive behind it is never written.
        for (from, to, access) in [
            (start, stop.min(image), Access::KernelWrite),
            (start.max(image_end), stop.min(end), Access::KernelRead),
            (start.max(end), stop, Access::KernelWrite),
        ] {
            if from < to && to <= PHYSICAL_END {
                tree.map(frames, direct(from), from, to - from, access)?;
            }
        }
    }
    let interrupts = machine.interrupts.map(|(distributor, processor)| [distributor, processor]);
    let serial = machine.serial.map(|(serial, _)| serial);
    let ethernet = machine.ethernet.map(|(ethernet, _)| ethernet);
    let devices = [serial, machine.clock, ethernet, machine.power];
    let more = [machine.random, machine.card, machine.led().map(|led| led.at)];
    let devices = devices.into_iter().chain(more).flatten();
    let windows = machine.virtio.iter().map(|(window, _)| window);
    let mut last = None;
    for device in devices.chain(interrupts.into_iter().flatten()).chain(windows) {
        let page = device / PAGE * PAGE;
        // Several windows share a page.
        if device < PHYSICAL_END && last.replace(page) != Some(page) {
            tree.map(frames, direct(page), page, PAGE, Access::Device)?;
        }
    }
    for (complex, _) in machine.complexes.iter() {
        let bytes = pcie::WINDOW_BYTES as u64;
        if complex.is_multiple_of(PAGE) && complex < PHYSICAL_END - bytes {
            tree.map(frames, direct(complex), complex, bytes, Access::Device)?;
        }
    }
    Ok(tree)
}
