//go:build !linux

package main

func main() { panic("compare is for Linux") }
