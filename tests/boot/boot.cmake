# Reads text off screen dumps.
add_executable(screentext ${CMAKE_CURRENT_LIST_DIR}/screentext.c)
target_link_libraries(screentext PRIVATE orrery_flags)
