import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findTool, isAtLeast, remedyFor, TOOLS } from '#stack/tools.ts'

test('versions are compared number by number', () => {
  assert.equal(isAtLeast('17.0.15', '17'), true)
  assert.equal(isAtLeast('11.0.2', '17'), false)
  assert.equal(isAtLeast('5.1.9-0+deb12u1', '5.1'), true)
  assert.equal(isAtLeast('5.0.9', '5.1'), false)
  assert.equal(isAtLeast('10.1', '5.1'), true)
  assert.equal(isAtLeast('24.21.0', '24.22.1'), false)
})

test('the old numbering of Java 8 counts as 1', () => {
  assert.equal(isAtLeast('1.8.0_402', '17'), false)
})

test('a build without a number is not refused', () => {
  assert.equal(isAtLeast('N-112233-gdeadbeef', '5.1'), true)
})

test('each tool\'s version is found in what it prints', () => {
  const printed = {
    java: 'openjdk version "17.0.15" 2025-04-15',
    maven: 'Apache Maven 3.8.7\nMaven home: /usr/share/maven',
    pip: 'pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)',
    ffmpeg: 'ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers',
    ffprobe: 'ffprobe version n7.1 Copyright (c) 2007-2024 the FFmpeg developers',
  }
  const versions = { java: '17.0.15', maven: '3.8.7', pip: '23.0.1', ffmpeg: '5.1.9-0+deb12u1', ffprobe: '7.1' }
  for (const name of ['java', 'maven', 'pip', 'ffmpeg', 'ffprobe'] as const) {
    assert.equal(TOOLS[name].pattern.exec(printed[name])?.[1], versions[name])
  }
})

test('a tool that is not installed is missing, not an error', async () => {
  const found = await findTool('java', { JAVA_HOME: '/nowhere', PATH: '' })
  assert.equal(found.state, 'missing')
})

test('the remedy names each package once', () => {
  assert.equal(remedyFor(['ffmpeg', 'ffprobe', 'maven']),
    'Install ffmpeg maven (Debian\'s names; other systems have their own), then run the same command again.')
})
