package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gpusim/sweep"
)

func (a *app) workerCommand() *cobra.Command {
	var l sweep.Login
	var o sweep.WorkerOptions
	c := &cobra.Command{
		Use:   "worker",
		Short: "Work on the points of sweeps that another process coordinates",
		Long: `Takes points from the queue of a sweep until it is stopped. It may be started and
killed at any time: what it was at goes to another worker.`,
		Example: `  gpusim worker --nats nats://127.0.0.1:4222
  gpusim worker --nats tls://head:4222 --tls-ca ca.pem --idle 10m`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if l.URL == "" {
				return usagef("gpusim worker: no queue named (--nats nats://host:4222; 'gpusim sweep -v' prints its own)")
			}
			if l.Token == "" {
				l.Token = os.Getenv(tokenVariable)
			}
			n, err := sweep.Join(cmd.Context(), l, o)
			var p *sweep.ProtocolError
			switch {
			case errors.As(err, &p):
				return &codeError{exitBadInput, err}
			case errors.Is(err, context.Canceled) && cmd.Context().Err() != nil:
				return &codeError{exitInterrupted, fmt.Errorf("stopped after %d points", n)}
			case err != nil:
				return err
			}
			fmt.Fprintf(a.out, "%d points worked out\n", n)
			return nil
		},
	}
	loginFlags(c, &l)
	c.Flags().IntVar(&o.Workers, "workers", 0, "points at a time (0: one per core)")
	c.Flags().DurationVar(&o.Idle, "idle", time.Duration(0), "end after so long without a point to work on (0: never)")
	return c
}
