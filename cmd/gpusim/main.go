// Command gpusim simulates deep-learning machines: how fast they run a
// workload, for how many joules, and why.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once
	}()
	os.Exit(newApp(os.Stdout, os.Stderr).main(ctx, os.Args[1:]))
}
