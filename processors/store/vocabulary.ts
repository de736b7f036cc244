/** Words that rows hold as numbers: their places here, which the views of `migrations` repeat. Only ever added to. */
export const KINDS = ['image', 'video', 'audio'] as const
export const RELATIONS = ['original', 'same-bytes', 'same-picture', 'near-copy'] as const
