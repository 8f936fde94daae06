import { bytes, copyFloats } from './vector';

/**
 * Copies `rows` rows of an image [height, width, channels] into a zero-bordered band: row r of the band is image row
 * top + r, column c is image column left + c, and values outside of the image are 0. top and left are negative for a
 * border.
 */
export function padBand(
  image: usize, band: usize, height: i32, width: i32, channels: i32, top: i32, left: i32, rows: i32, columns: i32,
): void {
  const pitch = bytes(columns * channels);
  const from = max(0, left);
  const copied = bytes(max(0, min(width, left + columns) - from) * channels);
  const before = min(bytes(max(0, -left) * channels), pitch);
  for (let r = 0; r < rows; r++) {
    const y = top + r;
    if (y < 0 || y >= height || copied == 0) memory.fill(band, 0, pitch);
    else {
      if (before) memory.fill(band, 0, before);
      memory.copy(band + before, image + bytes((y * width + from) * channels), copied);
      if (before + copied < pitch) memory.fill(band + before + copied, 0, pitch - before - copied);
    }
    band += pitch;
  }
}

/**
 * The same for whole images [begin, end): adds a border of zeros, or takes a part of them if top and left are positive.
 */
export function padImages(
  x: usize, y: usize, height: i32, width: i32, channels: i32, top: i32, left: i32, rows: i32, columns: i32, begin: i32,
  end: i32,
): void {
  const from = bytes(height * width * channels), to = bytes(rows * columns * channels);
  for (let n = begin; n < end; n++) {
    padBand(x + <usize>n * from, y + <usize>n * to, height, width, channels, top, left, rows, columns);
  }
}

/** The same for an image whose pixels are `step` apart, with zeros between them. */
export function spreadBand(
  image: usize, band: usize, height: i32, width: i32, channels: i32, top: i32, left: i32, rows: i32, columns: i32,
  step: i32,
): void {
  const pixel = bytes(channels), pitch = bytes(columns * channels);
  memory.fill(band, 0, <usize>rows * pitch);
  for (let y = 0; y < height; y++) {
    const r = y * step - top;
    if (r < 0 || r >= rows) continue;
    for (let x = 0; x < width; x++) {
      const c = x * step - left;
      if (c < 0 || c >= columns) continue;
      copyFloats(image + <usize>(y * width + x) * pixel, band + <usize>r * pitch + <usize>c * pixel, channels);
    }
  }
}

/** Sets pixels [begin, end), `step` bytes apart, to copies of one pixel, with the activation applied. */
export function fillRows(pixel: usize, to: usize, step: usize, channels: i32, relu: i32, begin: i32, end: i32): void {
  for (let p = begin; p < end; p++) copyFloats(pixel, to + <usize>p * step, channels, relu);
}
