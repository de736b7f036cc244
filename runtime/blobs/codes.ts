/** Codes of the blob store, with what each means and what to do. */
export const CODES = {
  'blob.missing': 'A blob that a record names is not in the store; a shared folder may show it late, so it is asked for again. When it stays away, check that all stages use the same SLUICE_BLOBS folder, then redrive the asset from download.',
  'blob.too-big': 'A blob is larger than its reader accepts in memory.',
  'blob.disk-full': 'The disk or quota of the blob folder is full; make room and the record goes on by itself.',
  'blob.io': 'The disk or the network share of the blob folder failed for a while; look at the system log if it lasts.',
  'blob.unusable': 'The blob folder cannot be used by this process; correct its owner, its mode or SLUICE_BLOBS.',
} as const
