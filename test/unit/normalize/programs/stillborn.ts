/** Stands in for a decoder process that cannot load its library. */
throw new Error('no library for this machine')
