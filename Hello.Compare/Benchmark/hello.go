// The walkthrough's API, which the benchmark compares with: Gin with its default router, which logs each request.
package main

import (
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

func main() {
	address := os.Getenv("ADDRESS")
	if address == "" {
		address = ":8080"
	}

	gin.SetMode(gin.ReleaseMode)
	router := gin.Default()
	router.GET("/hello", func(context *gin.Context) {
		context.JSON(http.StatusOK, gin.H{"code": http.StatusOK, "result": "Hello World!"})
	})
	if err := router.Run(address); err != nil {
		panic(err)
	}
}
