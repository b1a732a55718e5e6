"""Reading a graph from a definition, a Terraform plan or a folder of Terraform files."""
