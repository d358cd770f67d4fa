package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads/library"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "List, show and check machine files",
		a.configList(), a.configShow(), a.configCheck(), a.configSchema())
}

func (a *app) configList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the machines that are built in",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			names := append(configs.Names(), configs.SystemNames()...)
			width := 0
			for _, n := range names {
				width = max(width, len(n))
			}
			for _, n := range names {
				m, err := configs.Load(n, nil)
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%-*s  %s\n", width, n, m.Description)
			}
			return nil
		},
	}
}

func (a *app) configShow() *cobra.Command {
	var sets []string
	c := &cobra.Command{
		Use:   "show CONFIG",
		Short: "Print a machine with everything inherited and overridden in its place",
		Example: `  gpusim config show volta > mine.yaml
  gpusim config show volta --set gpu.sm.count=84`,
		Args:              oneConfig,
		ValidArgsFunction: completeConfigs,
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := configs.Load(args[0], sets)
			if err != nil {
				return err
			}
			text, err := configs.Dump(m)
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
	setFlag(c, &sets)
	return c
}

func (a *app) configCheck() *cobra.Command {
	var sets []string
	c := &cobra.Command{
		Use:               "check CONFIG...",
		Short:             "Check machine files; the first mistake is told with file, line and key",
		Example:           `  gpusim config check mine.yaml`,
		ValidArgsFunction: completeConfigs,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return oneConfig(cmd, args)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				m, err := configs.Load(arg, sets)
				if err != nil {
					return err
				}
				if _, err := listed(m); err != nil {
					return err
				}
				if m.GPU != nil {
					if err := library.Check(m.GPU); err != nil {
						return &gpusim.InputError{Err: fmt.Errorf("%s: %w", arg, err)}
					}
				}
				fmt.Fprintf(a.out, "%s: ok, %s, hash %s\n", arg, m.Name, m.Hash()[:12])
			}
			return nil
		},
	}
	setFlag(c, &sets)
	return c
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use:               "schema [CONFIG]",
		Short:             "Print the JSON schema of machine files, for editors",
		Long:              "Prints the JSON schema of machine files. It is one for all kinds: of a machine that is\nnamed it says what its kind may have.",
		Args:              mayHaveConfig,
		ValidArgsFunction: completeConfigs,
		RunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				if _, err := configs.Load(arg, nil); err != nil {
					return err
				}
			}
			text, err := configs.Schema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s\n", text)
			return err
		},
	}
}

func setFlag(c *cobra.Command, sets *[]string) {
	c.Flags().StringArrayVar(sets, "set", nil, "override a value of the machine file, `key.path=value`; may be repeated")
}
