Rscript -e 'library(RUnit)' -e 'printTextProtocol(runTestFile("test_hiker.R"))'
