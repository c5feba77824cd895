# cmake -DIN=file -DOUT=file.c -DNAME=symbol -P embed.cmake
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "extern const unsigned char ${NAME}[];\nextern const unsigned ${NAME}_size;\n"
     "const unsigned char ${NAME}[] = {${bytes}};\nconst unsigned ${NAME}_size = sizeof(${NAME});\n")
