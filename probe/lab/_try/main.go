package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"time"

	"matrix/probe"
	"matrix/probe/lab"
)

func main() {
	if s, ok := lab.TakeOver(); ok {
		os.Exit(s)
	}
	if os.Args[1] == "exec" {
		s, err := lab.Exec(context.Background(), os.Getenv("MATRIX_LAB"), lab.Command{City: os.Args[2], Argv: os.Args[3:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(s)
	}
	if os.Args[1] == "ledger" {
		fmt.Println(lab.Ledger(context.Background(), os.Getenv("MATRIX_LAB"), os.Stdout))
		return
	}
	c := lab.Config{RTT: map[probe.Pair]time.Duration{}, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Sshd: os.Getenv("SSHD") != ""}
	if n, err := strconv.Atoi(os.Args[1]); err == nil {
		for i := range n {
			c.Cities = append(c.Cities, probe.City{Name: fmt.Sprintf("c%d", i)})
			for j := range n {
				c.RTT[probe.Pair{From: fmt.Sprintf("c%d", i), To: fmt.Sprintf("c%d", j)}] = time.Duration(10+(i*37+j*11)%300) * time.Millisecond
			}
		}
	} else {
		f, _ := os.Open("/work/main/data/2011/ping-ms.csv")
		rows, _ := csv.NewReader(f).ReadAll()
		slug := func(s string) string {
			out := ""
			for _, r := range s {
				if r != ' ' {
					out += string(r | 32)
				}
			}
			return out
		}
		for i, r := range rows[1:] {
			c.Cities = append(c.Cities, probe.City{Name: slug(r[0])})
			for j, v := range r[1:] {
				if i != j {
					ms, _ := strconv.ParseFloat(v, 64)
					c.RTT[probe.Pair{From: slug(r[0]), To: slug(rows[0][j+1])}] = time.Duration(ms * 1e6)
				}
			}
		}
	}
	if f := os.Getenv("ROUTES"); f != "" {
		r, err := lab.ReadRoutes(f)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		c.Routes = r
	}
	t := time.Now()
	l, err := lab.Start(context.Background(), c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	fmt.Fprintln(os.Stderr, "up in", time.Since(t))
	t = time.Now()
	fmt.Fprintln(os.Stderr, l.Close(), "down in", time.Since(t))
	s, err := lab.Run(context.Background(), c, os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(s)
}
