package main

import (
	"context"
	"errors"
	"fmt"

	"gpusim"
	"gpusim/configs"
	"gpusim/report"
	"gpusim/workloads"
)

// Exit codes, part of the contract with scripts.
const (
	exitOK          = 0
	exitFailure     = 1   // the simulation could not finish, or a file could not be written
	exitBadInput    = 2   // a mistake of the user's
	exitCheck       = 3   // an assertion does not hold
	exitInterrupted = 130 // 128 + SIGINT
)

// codeError is an error that knows its exit code.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

// usagef is a mistake on the command line.
func usagef(format string, a ...any) error {
	return &codeError{exitBadInput, fmt.Errorf(format, a...)}
}

// stopped is the error of a command that an interrupt ended before all was finished;
// nil if all is.
func stopped(finished, of int, what string) error {
	if finished == of {
		return nil
	}
	return &codeError{exitInterrupted, fmt.Errorf("interrupted; %d of %d %s finished", finished, of, what)}
}

// ending says whether there is anything to show of some entries, and what their command
// ends with. What a machine cannot run stands in the table and fails nothing, unless
// there is nothing else.
func ending(entries []report.Entry, interrupted error, what string) (show bool, err error) {
	ok, failed := 0, 0
	var first error // failure, or refusal if there are no failures
	for i := range entries {
		switch err := entries[i].Err; {
		case err == nil:
			ok++
		case !gpusim.IsInput(err):
			if failed++; failed == 1 {
				first = err
			}
		case first == nil:
			first = refusal(&entries[i])
		}
	}
	switch {
	case interrupted != nil:
		return ok > 0, interrupted
	case ok == 0:
		return false, first
	case failed > 0:
		return true, &codeError{exitFailure, fmt.Errorf("%d of %d %s failed", failed, len(entries), what)}
	}
	return true, nil
}

// refusal is the error of a machine that cannot run a workload.
func refusal(e *report.Entry) error {
	return fmt.Errorf("%s on %s: %w", e.Label, e.Machine.Name, e.Err)
}

func exitCode(ctx context.Context, err error) int {
	var code *codeError
	var cfg *configs.Error
	var work *workloads.Error
	switch {
	case errors.As(err, &code):
		return code.code
	case errors.As(err, &cfg), errors.As(err, &work), gpusim.IsInput(err):
		return exitBadInput
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailure
}
