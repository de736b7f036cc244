import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cacheFolder } from '../../../bin/cache.mjs'

test('the cache lies where its user says', () => {
  assert.equal(cacheFolder({ SLUICE_CACHE: '/big/disk', XDG_CACHE_HOME: '/x' }, 0), '/big/disk')
})

test('root\'s cache lies where the user that runs Postgres can reach it', () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/root/.cache' }, 0), '/var/cache/sluice')
})

test('everybody else\'s cache lies in their own cache folder', () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/home/ada/c' }, 1000), '/home/ada/c/sluice')
  assert.match(cacheFolder({}, 1000), /\/\.cache\/sluice$/)
})
