module glidepath.lab/pause

go 1.26
