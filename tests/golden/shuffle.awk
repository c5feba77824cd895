# Prints the rows of a table (*.def) in another order, always the same one; comments between rows go.
# A row is NAME(...), over as many lines as its parentheses, or an #include.
BEGIN {
    srand(1)
    n = depth = 0
}

function opened(line) # parentheses that the line opens and leaves open
{
    gsub(/"([^"\\]|\\.)*"/, "", line)
    gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
    return gsub(/\(/, "", line) - gsub(/\)/, "", line)
}

depth == 0 && !/^[A-Z][A-Z0-9_]*\(/ && !/^#include/ { next }
{
    row[n] = depth ? row[n] "\n" $0 : $0
    depth += opened($0)
    if (depth == 0)
        n++
}

END {
    for (i = n; i > 0; i--) {
        k = int(rand() * i)
        print row[k]
        row[k] = row[i - 1]
    }
}
