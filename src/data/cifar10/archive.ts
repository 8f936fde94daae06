import { recordsPerFile } from './files.js';

/** An archive of CIFAR-10 in its binary form, and how to tell that it arrived whole. */
export interface Archive {
  url: string;
  bytes: number;
  sha256: string;
  /** The older checksum that the authors state; checked as well where given. */
  md5?: string;
  recordsPerFile: number;
}

/** What the archive is called, there and here. */
export const archiveFile = 'cifar-10-binary.tar.gz';

/** The archive that the authors of CIFAR-10 publish. */
export const officialArchive: Archive = {
  url: `https://www.cs.toronto.edu/~kriz/${archiveFile}`,
  bytes: 170_052_171,
  sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  recordsPerFile,
};
