// Prints the time, in microseconds since 1970, and then becomes the program that its arguments name. The engine's StartedAt
// is milliseconds late. That is too coarse, because a small program needs only a few milliseconds for its start.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	program, err := exec.LookPath(os.Args[1])
	if err == nil {
		fmt.Println(time.Now().UnixMicro())
		err = syscall.Exec(program, os.Args[1:], os.Environ())
	}

	panic(err)
}
