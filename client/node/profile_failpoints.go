//go:build failpoints

package node

import (
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
)

// profile writes down what this node's processor time goes into, from the signal
// SIGUSR1 until stop, if the environment variable CLAIMSHARE_PROFILES names a
// folder: as <node>.pprof.
func profile(c *Config) (stop func(), err error) {
	dir := os.Getenv("CLAIMSHARE_PROFILES")
	if dir == "" {
		return func() {}, nil
	}
	file, err := os.Create(filepath.Join(dir, c.Name+".pprof"))
	if err != nil {
		return nil, err
	}
	begin, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(begin, syscall.SIGUSR1)
	go func() {
		defer close(ended)
		if _, asked := <-begin; asked {
			_ = pprof.StartCPUProfile(file) // a broken profile does not parse
		}
	}()
	return func() {
		signal.Stop(begin)
		close(begin)
		<-ended
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}
