module ordeal

go 1.26.0
