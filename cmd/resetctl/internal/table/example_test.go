package table_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/table"
)

// A list that Excel wrote, for two of three systems.
func ExampleOpen() {
	input := "Name;Work Email;System\r\nAna;ana@example.com;looker;\r\nBo;bo@example.com;all\r\n"
	people, err := table.Open(context.Background(), "-", strings.NewReader(input), table.Options{
		Targets: []string{"looker", "sugar"}, DefaultAction: "reset",
	})
	if err != nil {
		fmt.Println(err) // every problem on a line of its own
		return
	}
	defer people.Close()
	fmt.Println(people.Understood())
	for row, err := range people.Rows() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(row.Line, row.Action, row.Identity, "at", row.Target)
	}
	// Output:
	// semicolons, UTF-8; 2 of 3 columns used: Work Email as email, System as target; 2 lines, which make 3 rows with their targets
	// 2 reset ana@example.com at looker
	// 3 reset bo@example.com at looker
	// 3 reset bo@example.com at sugar
}
