package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand is for those who package the program; a person reads the pages
// that it wrote, or --help.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages of all commands into a folder",
		Hidden: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%s takes a folder, and was given %q", cmd.CommandPath(), args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeManual(cmd.Root(), args[0])
		},
	}
}

// writeManual writes matrix.1 and a page for each command below it. Their date
// is the program's own, so that the same program writes the same pages.
func writeManual(root *cobra.Command, folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	b := thisBuild()
	date := b.time
	if date.IsZero() {
		date = time.Now()
	}
	root.DisableAutoGenTag = true
	forMarkdown(root)
	header := &doc.GenManHeader{Section: "1", Source: "matrix " + b.version, Manual: "matrix", Date: &date}
	if err := doc.GenManTree(root, header, folder); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	return nil
}

// forMarkdown indents the examples within the texts of a command and those
// below it by as much as Markdown, which the pages are made of, asks for.
func forMarkdown(cmd *cobra.Command) {
	cmd.Long = strings.ReplaceAll(cmd.Long, "\n  ", "\n    ")
	for _, sub := range cmd.Commands() {
		forMarkdown(sub)
	}
}
