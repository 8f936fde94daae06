import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/**
 * Makes a folder of images by class: two classes with five 32x32 images each; `blue` makes images of different folders
 * differ.
 */
export async function smallImageFolder(folder: string, blue = 0): Promise<void> {
  for (const [k, name] of ['cat', 'dog'].entries()) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < 5; i++) {
      const create = { width: 32, height: 32, channels: 3, background: { r: 50 * i, g: 200 * k, b: blue } } as const;
      await sharp({ create })
        .png()
        .toFile(join(folder, name, `${i}.png`));
    }
  }
}
