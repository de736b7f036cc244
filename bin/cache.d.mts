export function cacheFolder(env?: NodeJS.ProcessEnv, uid?: number): string
export function workFolder(cache: string): Promise<string>
