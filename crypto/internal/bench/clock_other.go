//go:build !linux

package main

import "time"

func now() time.Duration { return time.Since(started) }

const clock = "wall-clock time"
