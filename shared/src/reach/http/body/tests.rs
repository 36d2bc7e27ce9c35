use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// In chunks of a size, as a line may bring them.
fn unpacked(packing: Packing, max_bytes: usize, bytes: &[u8], chunk: usize) -> Result<Vec<u8>, String> {
    let mut unpacked = Unpacked::new(packing, max_bytes);
    for chunk in bytes.chunks(chunk) {
        unpacked.add(chunk).map_err(|failure| failure.error)?;
    }
    unpacked.finish().map_err(|failure| failure.error)
}

#[test]
fn what_was_packed_is_unpacked_however_it_comes() {
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let gzip = packed(&bytes);
    for chunk in [1, 7, 4096, usize::MAX] {
        assert!(unpacked(Packing::Gzip, bytes.len(), &gzip, chunk) == Ok(bytes.clone()), "{chunk}");
    }
    let twice = [packed(b"one "), packed(b"two")].concat();
    assert_eq!(unpacked(Packing::Gzip, 100, &twice, 5), Ok(b"one two".to_vec()));
    assert_eq!(unpacked(Packing::Gzip, 100, b"", 5), Ok(Vec::new()));
}

#[test]
fn a_byte_more_than_fits_is_too_large() {
    for packing in [Packing::None, Packing::Other] {
        assert_eq!(unpacked(packing, 1000, &[7; 1000], 64), Ok(vec![7; 1000]));
        assert_eq!(unpacked(packing, 1000, &[7; 1001], 64), Err("body_too_large".to_owned()));
    }
    for chunk in [1, 64, usize::MAX] {
        assert_eq!(unpacked(Packing::Gzip, 100_000, &packed(&[7; 100_000]), chunk), Ok(vec![7; 100_000]));
        let more = unpacked(Packing::Gzip, 100_000, &packed(&[7; 100_001]), chunk);
        assert_eq!(more, Err("body_too_large".to_owned()));
    }
}

#[test]
fn a_bomb_is_stopped_where_it_bursts() {
    // 50 MB of nothing in 50 KB.
    let bomb = packed(&vec![0; 50_000_000]);
    assert!(bomb.len() < 60_000, "{}", bomb.len());
    let mut unpacked = Unpacked::new(Packing::Gzip, 100_000);
    let taken = bomb.chunks(100).take_while(|chunk| unpacked.add(chunk).is_ok()).count();
    assert!(taken < 4, "{taken} chunks were taken");
    assert_eq!(unpacked.into_bytes().len(), 100_000);
}

#[test]
fn what_is_no_gzip_or_not_all_of_it_is_told() {
    let gzip = packed(&(0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    let corrupt =
        |bytes: &[u8]| unpacked(Packing::Gzip, 100_000, bytes, 64) == Err("invalid_body".to_owned());
    assert!(corrupt(b"plain text, and nothing packed"));
    assert!(corrupt(&gzip[..5]));
    assert!(corrupt(&gzip[..gzip.len() / 2]));
    assert!(corrupt(&gzip[..gzip.len() - 1]));
    assert!(corrupt(&[&gzip[..], b"and more"].concat()));
    for place in [0, 12, gzip.len() - 6, gzip.len() - 1] {
        let mut wrong = gzip.clone();
        wrong[place] ^= 0x55;
        assert!(corrupt(&wrong), "{place}");
    }
}

#[test]
fn the_beginning_of_something_packed_can_be_had() {
    let gzip = packed(&vec![b'x'; 10_000]);
    let mut unpacked = Unpacked::new(Packing::Gzip, 100);
    let _ = unpacked.add(&gzip[..gzip.len() - 8]);
    assert_eq!(unpacked.into_bytes(), vec![b'x'; 100]);
}
