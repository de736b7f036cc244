/** The blob store that stages share. */
import { defineService } from '../define/service.ts'
import { openFileStore } from './file-store.ts'
import type { BlobStore } from './store.ts'

export const blobs = defineService<BlobStore>({
  name: 'blobs',
  open: ({ config, clock }) => openFileStore({ dir: config.blobsDir, clock }),
})
